"""Counts by reason, style, teacher and difficulty; what is left of the questions; --flag."""

import json
import subprocess
import sys

import pytest
from path_rows import path_row

from qrd.errors import GateError
from qrd.filters.ledger import difficulty


@pytest.mark.parametrize(
    ("counts", "level"),
    [
        ((0, 0), "unknown"),
        ((0, 4), "unsolved"),
        ((1, 3), "hard"),
        ((2, 4), "medium"),
        ((2, 3), "medium"),
        ((3, 4), "easy"),
    ],
)
def test_difficulty_is_the_pass_rate_of_the_question(counts, level):
    assert difficulty(*counts) == level


def asked(question, num_right, num_wrong, **fields):
    right = [path_row(id=question, **fields) for _ in range(num_right)]
    return right + [path_row(id=question, prediction="6", correct=False, **fields) for _ in range(num_wrong)]


def test_the_ledger_counts_by_reason_style_teacher_and_difficulty(bench):
    rows = asked("hard", 1, 3) + asked("easy", 2, 0, style="tot", teacher="u") + asked("none", 0, 2)
    bench.run(rows[::-1])
    assert bench.summary()["ledger"] == [
        {"reason": "kept", "style": "cot", "teacher": "t", "difficulty": "hard", "paths": 1},
        {"reason": "kept", "style": "tot", "teacher": "u", "difficulty": "easy", "paths": 2},
        {"reason": "wrong_answer", "style": "cot", "teacher": "t", "difficulty": "hard", "paths": 3},
        {"reason": "wrong_answer", "style": "cot", "teacher": "t", "difficulty": "unsolved", "paths": 2},
    ]


def test_coverage_counts_questions_by_paths_left_and_those_left_in_one_style(bench):
    rows = [
        *asked("a", 2, 0), *asked("b", 1, 0), *asked("b", 1, 0, style="tot"), *asked("c", 0, 1), *asked("d", 1, 1),
        *asked("e", 1, 0, style="tot"),
    ]  # fmt: skip
    bench.run(rows)
    summary = bench.summary()
    assert summary["questions_by_kept_paths"] == {"0": 1, "1": 2, "2": 2}
    assert summary["questions_of_one_style"] == {"cot": 2, "tot": 1}
    assert summary["questions_by_difficulty"] == {
        "easy": {"questions": 3, "left": 3}, "medium": {"questions": 1, "left": 1},
        "unsolved": {"questions": 1, "left": 0},
    }  # fmt: skip


def shown(bench, rows, *words):
    bench.write("paths.jsonl", rows)
    done = subprocess.run(
        [sys.executable, "-m", "qrd", "filter", "paths.jsonl", "-o", "kept.jsonl", *words],
        cwd=bench.folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_warning_tells_that_the_hard_questions_vanish(bench):
    easy = asked("easy", 3, 0)
    hard = [row for n in range(4) for row in asked(f"h{n}", 1, 4)]
    assert "vanish" not in shown(bench, easy + hard)
    for row in hard[:15]:
        row["verdict"] = "invalid"
    assert "of 4 that the teacher got right in at most one path of three, 1 keep a path" in shown(bench, easy + hard)


def test_flagging_keeps_every_path_in_its_order_with_the_reasons_of_all_rules(bench):
    rows = [
        path_row(usage={"completion_tokens": 9}), path_row(correct=False, verdict="invalid", flags=["old"]),
        path_row(usage={"completion_tokens": 3}), path_row(response=""), path_row(style="tot"),
    ]  # fmt: skip
    kept, _, tally = bench.run(rows, flag=True, top_k=2)
    assert [row["path_id"] for row in kept] == [row["path_id"] for row in rows]
    assert [row.pop("flags") for row in kept] == [["below_top_k"], ["wrong_answer", "invalid"], [], ["empty"], []]
    assert kept == [{name: value for name, value in row.items() if name != "flags"} for row in rows]
    assert (tally.num_in, tally.num_out) == (5, 5)
    manifest = json.loads((bench.folder / "kept.jsonl.manifest.json").read_text())
    assert manifest["rows_out"] == 5
    assert manifest["flagged"] == {"below_top_k": 1, "wrong_answer": 1, "empty": 1}
    assert bench.summary()["paths"] == {"kept": 2, "below_top_k": 1, "wrong_answer": 1, "empty": 1}


def test_flagged_paths_do_not_count_as_kept_for_the_gate(bench):
    from qrd.config import FilterConfig
    from qrd.console import Console
    from qrd.stages.filter import run as stage

    bench.write("paths.jsonl", [path_row(correct=False)])
    config = FilterConfig(input=(str(bench.folder / "paths.jsonl"),), output=str(bench.folder / "out"), flag=True)
    with pytest.raises(GateError, match="0 paths are left"):
        stage.run(config, Console(quiet=True))


def test_a_kept_path_is_passed_through_byte_for_byte(bench):
    odd = '{"extra" : 1.50e1, "\\u0061": "\\u00fc\\/", ' + json.dumps(path_row())[1:-1] + ' , "z":[ ] }'
    (bench.folder / "paths.jsonl").write_text(f"\ufeff  {odd}\r\n\n{odd.replace('path_id', 'p2', 1)}"[: len(odd) + 4])
    bench.run(None)
    assert (bench.folder / "kept.jsonl").read_text() == odd + "\n"
