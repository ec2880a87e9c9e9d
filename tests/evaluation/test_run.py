"""eval of a run folder: students beside their base, combined, compared and stamped."""

import json

import pytest
import tiny_models
import tiny_run

from qrd.config import EvalConfig
from qrd.errors import ConfigError
from qrd.rows.manifest import sha256_of
from qrd.stages.eval.candidates import candidates_of


def test_each_student_is_compared_with_its_base(evaluated):
    assert len([row for row in evaluated.rows if row["model"] == "base:fitted"]) == 6
    found = evaluated.summary["comparisons"]
    assert [(one["model"], one["other"], one["questions"]) for one in found] == [
        ("fitted", "base:fitted", 6), ("unfitted", "base:fitted", 6)
    ]  # fmt: skip
    assert found[1]["difference"] == 0
    assert "Compared question by question" in evaluated.shown


def test_without_the_base_there_is_nothing_to_compare_with(run_folder):
    candidates = list(candidates_of(EvalConfig(run=str(run_folder), baseline=False)))
    assert [(candidate.name, candidate.base) for candidate in candidates] == [("fitted", None), ("unfitted", None)]


def test_the_students_vote_on_every_question_and_ties_are_counted(evaluated):
    votes = [row for row in evaluated.rows if row["model"] == "ensemble:vote"]
    assert len(votes) == 6
    assert all(row["chosen"] in ("fitted", "unfitted") for row in votes)
    assert evaluated.summary["models"]["ensemble:vote"]["ties"] == sum(row["tie"] for row in votes)
    assert "ties" not in evaluated.summary["models"]["fitted"]


def test_a_finished_evaluation_asks_and_votes_no_second_time(evaluated):
    rows, summary, _ = evaluated.again()
    assert rows == evaluated.rows
    assert summary == evaluated.summary


def test_students_of_unknown_paths_are_evaluated_with_a_warning(evaluated):
    assert not evaluated.summary["contamination"]["checked"]
    assert "warning: " in evaluated.shown
    assert "names no training paths; the students may have seen these questions" in evaluated.shown


def test_a_student_that_replies_as_its_base_does_is_named_in_a_warning(evaluated):
    assert evaluated.summary["unchanged"] == ["unfitted"]
    assert "warning: unfitted: every reply is its base's" in evaluated.shown
    assert "warning: fitted" not in evaluated.shown


def test_a_base_that_was_replaced_since_the_training_is_named_and_its_rows_are_not_gone_on_with(tmp_path):
    run = tiny_run.save_run(tmp_path / "run")
    weights = run / "llama" / "model.safetensors"
    models = [
        {"model": name, "file": str(weights), "sha256": sha256_of(weights)}
        for name in ("--student fitted", "--encoder")
    ]
    (run / "manifest.json").write_text(json.dumps({"inputs": [], "models": models}))
    assert "another base" not in tiny_run.evaluate(run, tmp_path)[2]
    tiny_models.save_llama(run / "llama", seed=9)
    with pytest.raises(ConfigError, match=r"holds rows made otherwise \(the files of hf:.*/llama: model.safetensors\)"):
        tiny_run.evaluate(run, tmp_path)
    shown = tiny_run.evaluate(run, tmp_path, resume=False)[2]
    assert shown.count("the adapter is of another base") == 1
    assert "the files of --student fitted: model.safetensors" in shown
