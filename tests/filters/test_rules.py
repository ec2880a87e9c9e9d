"""What single rules and rules that compare paths say."""

import random

import pytest
from path_rows import WORDS, a_path, path_row

from qrd.config import FilterConfig
from qrd.errors import ConfigError
from qrd.filters import all_objections, objections, rules
from qrd.filters.duplicates import Duplicates
from qrd.filters.language import Language
from qrd.filters.top_k import TopK


def reasons(found):
    return [row["reject_reason"] for row in found]


def ids(found):
    return [row["path_id"] for row in found]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"response": None}, ["empty"]),
        ({"response": " \n"}, ["empty"]),
        ({"finish_reason": "length"}, ["truncated"]),
        ({"finish_reason": "content_filter"}, ["truncated"]),
        ({"prediction": None}, ["no_answer"]),
        ({"correct": False}, ["wrong_answer"]),
        ({"verdict": "invalid"}, ["invalid"]),
        ({"verdict": "unscored"}, ["unscored"]),
        ({"verdict": None}, ["unscored"]),
        ({"correct": None}, []),
    ],
)
def test_the_first_rule_against_a_path_gives_its_reason(fields, expected):
    assert objections(a_path(**fields), rules(FilterConfig())) == expected


def test_with_all_rules_asked_every_reason_is_given():
    path = a_path(finish_reason="length", correct=False, verdict="invalid", response="one two")
    chosen = rules(FilterConfig(min_tokens=3, max_per_style=1))
    assert all_objections(path, chosen) == ["truncated", "wrong_answer", "invalid", "too_short"]


def test_caps_keep_the_first_paths_of_a_style_and_of_a_teacher_for_each_question(bench):
    rows = [path_row(id=q, style=s, teacher=t) for q in "ab" for s in ("cot", "tot") for t in "xyz"]
    kept, rejected, _ = bench.run(rows, max_per_style=2)
    assert [(row["id"], row["style"], row["teacher"]) for row in kept] == [
        (q, s, t) for q in "ab" for s in ("cot", "tot") for t in "xy"
    ]
    assert reasons(rejected) == ["over_cap"] * 4
    kept, _, _ = bench.run(rows, max_per_teacher=1)
    assert [(row["id"], row["teacher"]) for row in kept] == [(q, t) for q in "ab" for t in "xyz"]


def test_a_dropped_path_takes_no_place_of_another(bench):
    rows = [path_row(correct=False), path_row(), path_row(verdict="invalid"), path_row()]
    kept, _, _ = bench.run(rows, max_per_style=1)
    assert ids(kept) == [rows[1]["path_id"]]


def judged(*said, tokens=10, **fields):
    verdicts = [{"judge": f"j{n}", "verdict": verdict} for n, verdict in enumerate(said)]
    return path_row(verdicts=verdicts, usage={"completion_tokens": tokens}, **fields)


def test_the_best_of_a_question_are_those_more_judges_call_valid_then_the_shorter_then_the_earlier(bench):
    rows = [
        judged("valid", "valid", "invalid", tokens=5), judged("valid", "valid", "valid", tokens=50),
        judged("valid", tokens=40), judged("valid", tokens=40), judged(id="other", tokens=1000),
    ]  # fmt: skip
    order = [rows[2], rows[3], rows[1], rows[0]]
    for most in range(1, 5):
        kept, rejected, tally = bench.run(rows, top_k=most)
        best = {row["path_id"] for row in [*order[:most], rows[4]]}
        assert ids(kept) == [row["path_id"] for row in rows if row["path_id"] in best]
        assert set(reasons(rejected)) <= {"below_top_k"}
        assert tally.num_in == len(kept) + len(rejected) == 5
        assert bench.summary()["paths"] == {"kept": len(kept)} | ({"below_top_k": len(rejected)} if rejected else {})


def test_the_best_are_those_of_a_full_sort_whatever_the_order():
    draw = random.Random(5)
    for _ in range(50):
        offers = [(draw.choice("ab"), draw.randint(1, 6)) for _ in range(draw.randint(1, 30))]
        most, contest = draw.randint(1, 4), TopK(draw.randint(1, 4))
        contest.most = most
        for question, tokens in offers:
            contest.offer(a_path(id=question, usage={"completion_tokens": tokens}))
        for question in "ab":
            ranked = sorted((tokens, n) for n, (of, tokens) in enumerate(offers) if of == question)
            assert {n for _, n in ranked[:most]} == {n for _, n in ranked if not contest.is_below(n)}


def prose(draw, length=60):
    return " ".join(draw.choice(WORDS) for _ in range(length))


def test_near_copies_are_dropped_within_and_across_questions_and_other_texts_are_kept(bench):
    draw = random.Random(1)
    texts = [prose(draw) for _ in range(40)]
    rows = [path_row(id=f"q{n}", response=text) for n, text in enumerate(texts)]
    copies = [path_row(id=f"q{n % 2}", response=text.upper() + " so it is.") for n, text in enumerate(texts)]
    kept, rejected, _ = bench.run(rows + copies, dedupe=0.7)
    assert ids(kept) == ids(rows)
    assert reasons(rejected) == ["duplicate"] * 40


def test_a_copy_of_a_dropped_path_is_no_duplicate(bench):
    kept, _, _ = bench.run([path_row(correct=False), path_row()], dedupe=0.7)
    assert len(kept) == 1


def test_the_threshold_decides_which_likeness_is_too_much():
    draw = random.Random(2)
    words = prose(draw, 200).split()
    half_new = " ".join(words[:100] + prose(draw, 100).split())  # a third of all triples in common
    for threshold, keeps in ((0.2, False), (0.6, True)):
        rule = Duplicates(threshold)
        assert rule(a_path(response=" ".join(words))).keep
        assert rule(a_path(response=half_new)).keep is keeps


def test_dedupe_states_its_memory_before_it_reads(bench, capsys):
    from qrd.console import Console
    from qrd.stages.filter import run as stage

    bench.write("paths.jsonl", [path_row(response=f"{n}") for n in range(300)])
    config = FilterConfig(input=(str(bench.folder / "paths.jsonl"),), output=str(bench.folder / "k"), dedupe=0.8)
    stage.run(config, Console())
    shown = capsys.readouterr().err
    assert shown.startswith(
        f"--dedupe will take up to {Duplicates(0.8).memory_bytes(300) / 2**20:,.0f} MB, for about 300 paths\n"
    )


def test_the_memory_that_dedupe_states_is_what_it_takes():
    import tracemalloc

    draw = random.Random(3)
    paths = [a_path(response=prose(draw, 30)) for _ in range(400)]
    for threshold in (0.3, 0.7, 0.9):
        rule = Duplicates(threshold)
        rule(paths[0])
        tracemalloc.start()
        assert all(rule(path).keep for path in paths[1:])
        taken = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert 0.7 * rule.memory_bytes(400) < taken < 1.2 * rule.memory_bytes(400)


ENGLISH = "First we add the apples that were bought to those at home, then we take away the ones which were eaten."
GERMAN = "Zuerst zählen wir die gekauften Äpfel zu denen im Haus, dann ziehen wir die gegessenen wieder davon ab."
CHINESE = "首先我们把买来的苹果和家里的苹果加在一起，然后减去已经吃掉的苹果，这样就得到了答案，也就是五个苹果。" * 2


def test_only_what_is_surely_in_another_language_is_dropped():
    rule = Language("en")
    kept = [
        ENGLISH,
        "5",
        r"$\frac{a}{b}$ \[x^2 + y^2 = z^2\]" * 9,
        "```\nfuer i in liste: drucke(i)\n```" * 5,
        ENGLISH[:30],
    ]
    assert [rule(a_path(response=text)).keep for text in kept] == [True] * len(kept)
    assert [rule(a_path(response=text)).reason for text in (GERMAN, CHINESE)] == ["other_language"] * 2
    assert Language("de")(a_path(response=GERMAN)).keep


def test_a_language_that_is_unknown_is_refused():
    with pytest.raises(ConfigError, match="--language: 'xx' is not one of ace, af, am,"):
        Language("xx")


def test_tokens_are_counted_by_the_named_tokenizer(bench):
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split
    from tokenizers.processors import TemplateProcessing

    letters = Tokenizer(WordLevel({"<s>": 0, "?": 1}, unk_token="?"))
    letters.pre_tokenizer = Split("", "isolated")
    letters.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    letters.enable_truncation(3)
    (bench.folder / "tok").mkdir()
    letters.save(str(bench.folder / "tok" / "tokenizer.json"))
    rows = [path_row(response="x" * n, usage={"completion_tokens": 7}) for n in (3, 4, 6, 7)]
    kept, rejected, _ = bench.run(rows, tokenizer=str(bench.folder / "tok"), min_tokens=4, max_tokens=6)
    assert ids(kept) == [rows[1]["path_id"], rows[2]["path_id"]]
    assert reasons(rejected) == ["too_short", "too_long"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tokenizer": "x"}, "--tokenizer counts for --min-tokens"),
        ({"flag": True, "rejects": "r"}, "--flag drops nothing"),
        ({"decontaminate": ("-",)}, "--decontaminate: test questions are read from files"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, says):
    with pytest.raises(ConfigError, match=says):
        FilterConfig(**options)


@pytest.mark.parametrize("name", ["kept.jsonl", "paths.jsonl", "./summary.json"])
def test_no_output_takes_the_place_of_another_or_of_an_input(bench, name):
    with pytest.raises(ConfigError, match=r"this file is .* too; give it one of its own"):
        bench.run([path_row()], rejects=str(bench.folder / name))
    with pytest.raises(ConfigError, match=r"--output .*: this file is an input too"):
        bench.run([path_row()], output=str(bench.folder / "paths.jsonl"))
    assert len(bench.rows("paths.jsonl")) == 1
