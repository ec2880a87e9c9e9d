"""--max-unscored is a share of the verdicts of each judge: neither other judges nor qrd's own verdicts dilute it."""

import json

import pytest

from tests.kit import ledger
from tests.kit.harness import Run, records_by

KIND = '[[rule]]\nregex = "verdict ([0-9a-f]+): WORD"\nreply = "verdict \\\\1: valid\\nreason: yes"\n'
STRICT = KIND.replace(": valid", ": invalid")
MUTE = '[[rule]]\nreply = "hm"\n'
NEVER_1 = MUTE.replace("[[rule]]", '[[rule]]\nmatch = "Reply 1 "') + KIND


def write_paths(folder, responses):
    fixed = {"task": "text", "question": "Why?", "prediction": "x", "correct": True}
    rows = [{**fixed, "id": f"q{n}", "path_id": f"p{n}", "response": said} for n, said in enumerate(responses)]
    (folder / "paths.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def judged(folder, *scripts, more=()):
    """(exit code, what was said, verdicts of the paths) of a panel whose judges are called 1, 2, ..."""
    names = []
    for number, script in enumerate(scripts, 1):
        (folder / f"judge{number}.toml").write_text(script, "utf-8")
        names += ["--judge", f"scripted:judge{number}.toml"]
    run = Run(folder, "judge", "paths.jsonl", *names, "-o", "judged.jsonl", *more)
    code = run.code()
    return code, run.said, [row["verdict"] for row in records_by(folder / "judged.jsonl", "path_id").values()]


def test_a_judge_that_is_never_read_is_named_though_the_others_decide(tmp_path):
    write_paths(tmp_path, [f"Reply {n} says why." for n in range(4)])
    code, said, verdicts = judged(tmp_path, KIND, MUTE, KIND)
    assert (code, verdicts) == (7, ["valid"] * 4)
    assert "scripted:judge2.toml: 4 of 4 verdicts could not be read (more than 2%)" in said
    assert "scripted:judge1.toml: " not in said
    code, said, verdicts = judged(tmp_path, KIND, MUTE, KIND)
    assert code == 7, "also where nothing is left to ask"
    assert judged(tmp_path, KIND, MUTE, KIND, more=("--max-unscored", "1"))[0] == 0


def test_judges_that_are_apart_were_read(tmp_path):
    write_paths(tmp_path, [f"Reply {n} says why." for n in range(4)])
    code, said, verdicts = judged(tmp_path, KIND, STRICT)
    assert (code, verdicts) == (0, ["unscored"] * 4), said


def test_paths_that_no_judge_sees_do_not_count(tmp_path):
    write_paths(tmp_path, [":"] * 18 + ["Reply 1 says why.", "Reply 2 says why."])
    code, said, _ = judged(tmp_path, NEVER_1, more=("--max-unscored", "0.1"))
    assert code == 7
    assert "1 of 2 verdicts could not be read" in said


@pytest.mark.parametrize(
    ("said", "shown", "remedy"),
    [
        ("\x1b[31mI'd say\nyes \u202e", '"\\x1b[31mI\'d say\\nyes \\u202e"', "Choose another judge"),
        ("<think>" + "hm " * 99, "'<think>hm hm ", "--max-tokens"),
        ("", "an empty reply (finish_reason length)", "--max-tokens"),
    ],
)
def test_the_gate_shows_one_unread_reply_on_one_line_and_what_would_help(tmp_path, said, shown, remedy):
    write_paths(tmp_path, [f"Reply {n} says why." for n in range(3)])
    rule = {"do": "text" if said else "length", "text": said}
    with ledger.serving(tmp_path / "calls.jsonl", rules=[rule]) as served:
        words = ("judge", "paths.jsonl", "--judge", "openai/m", "--api-base", served.url, "-o", "judged.jsonl")
        run = Run(tmp_path, *words)
        assert run.code() == 7, run.said
        again = Run(tmp_path, *words)
        assert again.code() == 7, again.said
    line = next(line for line in run.said.splitlines() if "3 of 3 verdicts could not be read" in line)
    assert shown in line
    assert remedy in line
    assert len(line) < 500
    assert run.said.count(line) == 2, "also where nothing is left to ask"


@pytest.mark.parametrize("ending", ["eos_token", "stop", "length"])
def test_a_verdict_counts_where_its_model_ended_it(tmp_path, ending):
    write_paths(tmp_path, ["Reply 1 says why."])
    with ledger.serving(tmp_path / "calls.jsonl", rules=[{"do": "verdict", "finish_reason": ending}]) as served:
        words = ("judge", "paths.jsonl", "--judge", "openai/m", "--api-base", served.url, "-o", "judged.jsonl")
        run = Run(tmp_path, *words)
        assert run.code() == (7 if ending == "length" else 0), run.said
    verdict = records_by(tmp_path / "judged.jsonl", "path_id")["p0",]["verdict"]
    assert verdict == ("unscored" if ending == "length" else "valid")
