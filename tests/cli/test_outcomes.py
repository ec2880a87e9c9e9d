"""What `generate` and `eval` say at their end: what became of the replies, what is new, and what would help."""

import pytest

from qrd.console import Console
from qrd.stages.outcomes import Outcomes, on_paths, outcome_of
from tests.kit import ledger


@pytest.fixture
def questions(bench):
    rows = [{"id": f"q{n}", "task": "math", "question": f"Word {n}?", "answer": "12"} for n in range(20)]
    bench.write_rows("questions.jsonl", rows)
    return bench


def generate(bench, served, *more):
    return bench.run(
        "generate", "questions.jsonl", "--teacher", "openai/m", "--styles", "cot", "--api-base", served.url,
        "-o", "paths.jsonl", "--retries", "0", *more, OPENAI_API_KEY="sk-test",
    )  # fmt: skip


RIGHT = {"do": "text", "text": "So it is.\nAnswer: 12"}


@pytest.mark.parametrize(
    ("rule", "told", "help"),
    [
        ({"do": "text", "text": ""}, "replies: 20 empty", "--max-tokens"),
        ({"do": "text", "text": " \n"}, "replies: 20 empty", "20 of 20 replies are empty"),
        ({"do": "length", "text": "So"}, "replies: 20 cut", "cut at --max-tokens 1024"),
        ({"do": "content_filter"}, "replies: 20 refused", "--teacher"),
        ({"do": "text", "text": "I wonder."}, "replies: 20 no answer", "qrd inspect"),
    ],
)
def test_a_run_whose_replies_are_all_of_no_use_says_so_and_what_would_help(questions, tmp_path, rule, told, help):
    with ledger.serving(tmp_path / "calls.jsonl", rules=[rule]) as served:
        done = generate(questions, served)
    assert done.code == 0
    assert told in done.err.splitlines()
    warned = [line for line in done.err.splitlines() if line.startswith("warning: ")]
    assert len(warned) == 1
    assert help in warned[0]


def test_the_end_counts_rows_by_what_became_of_them(questions, tmp_path):
    rules = [
        {"do": "length", "contains": "Word 1?"}, {"do": "text", "text": "Answer: 13", "contains": "Word 2?"},
        {"do": "status", "status": 400, "contains": "Word 3?"}, {"do": "text", "text": "", "contains": "Word 4?"},
        RIGHT,
    ]  # fmt: skip
    with ledger.serving(tmp_path / "calls.jsonl", rules=rules) as served:
        done = generate(questions, served)
    assert done.code == 3
    assert "replies: 16 right, 1 wrong, 1 cut, 1 empty, 1 failed" in done.err.splitlines()
    assert "warning" not in done.err


def evaluate(bench, served, *more):
    words = ("eval", "questions.jsonl", "--model", "openai/m", "--api-base", served.url, "-o", "predictions.jsonl")
    return bench.run(*words, "--retries", "0", *more, OPENAI_API_KEY="sk-test")


def test_the_end_of_eval_counts_replies_in_the_same_words(questions, tmp_path):
    rules = [
        {"do": "length", "contains": "Word 1?"}, {"do": "text", "text": "Answer: 13", "contains": "Word 2?"},
        {"do": "status", "status": 400, "contains": "Word 3?", "attempts": [1]},
        {"do": "text", "text": "", "contains": "Word 4?"}, RIGHT,
    ]  # fmt: skip
    with ledger.serving(tmp_path / "calls.jsonl", rules=rules) as served:
        done = evaluate(questions, served)
        again = evaluate(questions, served)
    assert (done.code, again.code) == (3, 0)
    assert "replies: 16 right, 1 wrong, 1 cut, 1 empty, 1 failed" in done.err.splitlines()
    assert "replies: 17 right, 1 wrong, 1 cut, 1 empty" in again.err.splitlines(), "what was kept counts too"
    assert "warning" not in done.err + again.err


@pytest.mark.parametrize(
    ("rule", "help"),
    [
        ({"do": "length", "text": "So"}, "20 of 20 replies are cut at --max-tokens 512"),
        ({"do": "text", "text": ""}, "20 of 20 replies are empty"),
        ({"do": "content_filter"}, "20 of 20 replies are refused"),
        ({"do": "text", "text": "I wonder."}, "20 of 20 replies are without an answer"),
    ],
)
def test_an_evaluation_that_measures_nothing_says_so_and_trains_nobody(questions, tmp_path, rule, help):
    with ledger.serving(tmp_path / "calls.jsonl", rules=[rule]) as served:
        done = evaluate(questions, served, "--max-tokens", "512")
    (warned,) = (line for line in done.err.splitlines() if line.startswith("warning: "))
    assert help in warned
    assert "trains" not in warned
    assert "--teacher" not in warned


def test_nothing_is_said_where_quiet_is_asked_for(questions, tmp_path):
    with ledger.serving(tmp_path / "calls.jsonl", rules=[{"do": "length"}]) as served:
        done = generate(questions, served, "--quiet")
    assert (done.code, done.err) == (0, "")


def test_a_run_that_goes_on_tells_what_was_kept_and_what_is_new(questions, tmp_path):
    with ledger.serving(tmp_path / "calls.jsonl", rules=[RIGHT]) as served:
        assert "kept" not in generate(questions, served, "--limit", "12").err
        done = generate(questions, served)
        again = generate(questions, served)
    assert "paths: 12 kept, 8 new" in done.err.splitlines()
    assert "generate: 20/20 in " in done.err
    assert "replies: 20 right" in done.err.splitlines()
    assert "paths: 20 kept, 0 new" in again.err.splitlines()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"response": "x", "finish_reason": "length", "correct": True}, "cut"),
        ({"response": "", "finish_reason": "length"}, "cut"),
        ({"response": "x", "finish_reason": "SAFETY", "correct": True}, "refused"),
        ({"response": None, "finish_reason": "tool_calls"}, "empty"),
        ({"response": "x", "finish_reason": 7, "correct": True}, "right"),
        ({"response": "x", "correct": False, "prediction": "3"}, "wrong"),
        ({"response": "x", "correct": False, "prediction": None}, "no answer"),
        ({"response": "x", "correct": None}, "without gold"),
        ({}, "empty"),
    ],
)
def test_a_row_counts_once(fields, expected):
    assert outcome_of(fields) == expected


@pytest.mark.parametrize(("num_cut", "is_warned"), [(1, False), (2, True)])
def test_one_in_ten_may_be_cut_without_a_warning(num_cut, is_warned, capsys):
    outcomes = Outcomes()
    for number in range(10):
        outcomes.add({"response": "x", "correct": True, "finish_reason": "length" if number < num_cut else "stop"})
    outcomes.tell(Console(), on_paths(5), num_failed=0)
    assert ("warning" in capsys.readouterr().err) == is_warned
