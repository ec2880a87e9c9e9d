"""The study of examples/study: its teacher's faults are as stated, its figures add up, and it runs to its report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from qrd.errors import ConfigError
from qrd.models import embedded

pytest.importorskip("reasoning_gym")
pytest.importorskip("scipy")
pytest.importorskip("matplotlib")

from examples.study import __main__ as study_main
from examples.study import analysis, conditions, scoring, teacher
from examples.study.layout import Size, Study
from examples.study.tasks import read

ROOT = Path(__file__).parents[1]
TINY = Size(train_each=2, test_each=1, reading_steps=2, steps=2, max_tokens=8)


def question(number):
    metadata = {"expression": "4 - 1 + 7"} if number % 2 else {"animals": {"cat": 2, "spider": 3}}
    return {"id": f"q{number}", "meta": {"metadata": metadata}}


def test_the_teacher_is_wrong_and_unsound_as_often_as_it_says():
    said = [(number, reply) for number in range(1000) for reply in teacher.replies(question(number), seed=0)]
    faults = [reply["fault"] for _, reply in said]
    assert faults.count("wrong") / len(said) == pytest.approx(teacher.WRONG, abs=0.02)
    assert faults.count("unsound") / len(said) == pytest.approx(teacher.UNSOUND, abs=0.02)
    for number, reply in said:
        ends_right = reply["response"].endswith("\\boxed{10}" if number % 2 else "\\boxed{32}")
        assert ends_right == (reply["fault"] != "wrong")


def test_every_style_of_the_teacher_is_told_by_its_marks():
    for number in range(40):
        for reply in teacher.replies(question(number), seed=1):
            assert scoring.style_of(reply["response"]) == reply["style"]


def row(condition, seed, student, right):
    accuracy = right.count("1") / len(right)
    levels, bits = {"chain_sum-3": accuracy}, f"{int(right, 2):x}"
    return {"condition": condition, "seed": seed, "student": student, "accuracy": accuracy, "right": bits,
            "levels": levels, "tokens": 10, "seconds": 1.0}  # fmt: skip


def test_a_condition_is_compared_with_the_reference_seed_by_seed():
    rows = [row(conditions.REFERENCE, seed, name, "0101") for seed in range(3) for name in ("merged", "digits")]
    better = ("0111", "1101", "1111")
    rows += [row("full", seed, name, right) for seed, right in enumerate(better) for name in ("merged", "digits")]
    _, full = analysis.figures(rows)
    assert full.difference == pytest.approx((0.25 + 0.25 + 0.5) / 3)
    # By hand: mean 1/3, deviation 0.14434, t = 4 with 2 degrees of freedom: p = 0.0572, and 4.3027 * 0.08333 each way.
    assert full.p_seeds == pytest.approx(0.0572, abs=1e-4)
    assert full.difference_interval == pytest.approx((1 / 3 - 0.35856, 1 / 3 + 0.35856), abs=1e-4)
    assert full.p_questions == pytest.approx(0.5)  # two questions won, none lost
    assert not full.is_shown


def test_conditions_differ_in_paths_of_a_window_so_that_tokens_are_equal():
    assert {each.batch * each.reach for each in conditions.ALL} == {2 * conditions.PATHS_A_STEP}


def test_a_very_short_study_runs_to_its_report_and_never_runs_a_cell_twice(tmp_path):
    try:
        embedded.folder_of("embedded:minilm-l6")
    except ConfigError as error:
        pytest.skip(str(error))
    study = Study(tmp_path, TINY)
    study.prepare(lambda text: None)
    asked = study_main.parsed([str(tmp_path), "--seeds", "7", "--conditions", "filtered; exclusive"])
    cells = list(study_main.wanted(study, asked))
    assert cells == [(7, "filtered"), (7, "exclusive")]
    words = [
        sys.executable,
        "-m",
        "examples.study",
        str(tmp_path),
        "--seeds",
        "7",
        "--conditions",
        "filtered; exclusive",
    ]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert ran.returncode == 0, ran.stderr
    assert not list(study_main.wanted(study, asked))
    kept = read(study.seed_paths(7) / "kept.jsonl")
    assert kept
    assert all(path["fault"] is None and path["verdict"] == "valid" for path in kept)
    rows = read(tmp_path / "report" / "rows.jsonl")
    assert {(each["condition"], each["student"]) for each in rows} >= {
        (name, student) for name in ("filtered", "exclusive") for student in ("merged", "digits")
    }
    routed = {each["student"]: each["routed"]["style"] for each in rows if each["condition"] == "exclusive"
              and "routed" in each}  # fmt: skip
    assert all(routed["merged"][style] + routed["digits"][style] == 1 for style in routed["merged"])
    found = json.loads((tmp_path / "report" / "summary.json").read_text("utf-8"))
    assert [each["name"] for each in found] == ["filtered", "exclusive"]
    assert (tmp_path / "report" / "accuracy.svg").is_file()
    assert (tmp_path / "report" / "styles.svg").is_file()
