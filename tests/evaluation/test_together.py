"""Several predictions of one question: votes, majorities, pass@k, groups."""

from __future__ import annotations

import itertools

import pytest

from qrd.evaluation import breakdown, by_logprob, by_vote, samples
from qrd.evaluation.summary import summarised, unchanged


def said(answer, model="m", *, logprob=-1.0, task="math", **extra):
    return {
        "id": "q", "task": task, "model": model, "sample": 0, "prediction": answer, "correct": answer == "7",
        "response": "so it is", "logprob": logprob, "usage": {"completion_tokens": 1}, **extra,
    }  # fmt: skip


def test_most_votes_win_over_the_surest():
    winner, tie = by_vote([said("7", "a"), said("8", "b", logprob=-0.1), said("7", "c")])
    assert (winner["prediction"], winner["model"], tie) == ("7", "a", False)


def test_equal_answers_in_other_words_are_one_camp():
    winner, tie = by_vote([said("0.5", "a"), said("3", "b"), said("\\frac{1}{2}", "c", logprob=-0.5)])
    assert (winner["model"], tie) == ("c", False)


def test_a_tie_goes_to_the_surest_and_is_told():
    winner, tie = by_vote([said("7", "a"), said("8", "b", logprob=-0.1)])
    assert (winner["prediction"], tie) == ("8", True)


def test_a_reply_without_an_answer_has_no_vote():
    winner, tie = by_vote([said(None, "a"), said(None, "b"), said("7", "c", logprob=-9.0)])
    assert (winner["model"], tie) == ("c", False)


def test_without_any_answer_there_is_no_tie():
    winner, tie = by_vote([said(None, "a"), said(None, "b", logprob=-0.5)])
    assert (winner["model"], tie) == ("b", False)


def test_the_vote_of_two_students_is_their_ensemble_by_log_probability():
    for one, other in itertools.product(("7", "8", None), repeat=2):
        both = [said(one, "a", logprob=-2.0), said(other, "b", logprob=-1.0)]
        assert by_vote(both)[0]["prediction"] == by_logprob(both)["prediction"]


def test_pass_at_k_equals_a_count_of_all_draws():
    for num, right, k in itertools.product(range(1, 7), range(7), range(1, 7)):
        if right <= num and k <= num:
            draws = list(itertools.combinations([True] * right + [False] * (num - right), k))
            assert samples.pass_at(k, num, right) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_the_ks_shown_are_powers_of_two_and_all():
    assert [samples.counts(num) for num in (2, 3, 8)] == [[1, 2], [1, 2, 3], [1, 2, 4, 8]]


def test_majority_and_pass_at_k_of_a_model_by_hand():
    questions = {
        "a": [said("7"), said("7"), said("8")],
        "b": [said("8"), said("8"), said("7")],
        "c": [said("7"), said("8"), said("9")],
        "cut short": [said("7")],
        "no gold": [said("7", correct=None)] * 3,
    }
    found = samples.sampled(questions)
    assert (found["n"], found["questions"], found["incomplete"]) == (3, 3, 1)
    assert found["maj"]["accuracy"] == pytest.approx(2 / 3), "the tie of c goes to its first answer"
    assert found["maj"]["ties"] == 1
    assert found["pass"] == pytest.approx({"1": 4 / 9, "2": 7 / 9, "3": 1.0})


def test_one_sample_a_question_has_no_majority():
    assert samples.sampled({"a": [said("7")], "b": [said("8")]}) is None


@pytest.mark.parametrize(
    ("meta", "group"),
    [
        ({"difficulty": "hard", "level": 3}, "hard"), ({"level": "Level 5"}, "Level 5"), ({"level": 3}, "3"),
        ({"difficulty": None}, "unknown"), ({"difficulty": {"b": 1}}, "unknown"), ({}, "unknown"), (None, "unknown"),
    ],
)  # fmt: skip
def test_difficulty_is_what_the_question_says(meta, group):
    assert breakdown.difficulty({"meta": meta}) == group


def test_every_length_has_one_group():
    ends = {num: breakdown.length({"response": "x " * num}) for num in (0, 25, 26, 400, 401)}
    assert list(ends.values()) == ["0-25 words", "0-25 words", "26-50 words", "201-400 words", "over 400 words"]


def test_groups_stand_in_their_order():
    assert breakdown.in_order({"10", "unknown", "9"}) == ["9", "10", "unknown"]
    lengths = {breakdown.length({"response": "x " * num}) for num in (500, 5, 150, 30)}
    assert breakdown.in_order(lengths) == ["0-25 words", "26-50 words", "101-200 words", "over 400 words"]


def test_groups_add_up_to_the_whole():
    rows = [
        said(answer, meta={"level": level}, id=f"{level}{answer}") for level in (1, 2) for answer in ("7", "8", None)
    ]
    model = summarised(rows, {}, seed=0)["models"]["m"]
    for name in ("difficulty", "answer", "length"):
        assert sum(group["right"] for group in model["by"][name].values()) == model["right"] == 2
        assert sum(group["rows"] for group in model["by"][name].values()) == model["rows"] == 6
    assert model["by"]["answer"]["found"]["accuracy"] == 0.5
    assert model["by"]["answer"]["none"]["right"] == 0


def test_without_difficulties_there_is_no_such_group():
    assert "difficulty" not in summarised([said("7", meta=None)], {}, seed=0)["models"]["m"]["by"]


def test_one_reply_of_its_own_makes_a_student_a_changed_one():
    rows = [
        {"model": model, "id": name, "sample": 0, "response": response}
        for model, responses in {"base": "xy", "same": "xy", "other": "xz", "half": "x"}.items()
        for name, response in zip("ab", responses)
    ]
    pairs = [(name, "base") for name in ("same", "other", "half", "absent")]
    assert unchanged(rows, pairs) == ["same", "half"]
    assert unchanged(rows, [("same", "absent")]) == []
