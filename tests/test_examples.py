"""The offline examples, run as they are with real models; sizes are set by the variables that users have too."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_models

from qrd.backends.api import prices
from qrd.errors import ConfigError
from qrd.models import embedded
from qrd.rows import records

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("QRD_TEST_DATA", ROOT / ".." / "shared" / "data"))
# A teacher of 135 million parameters seldom gets a date right in prose; asked for the letter alone it does by chance.
LETTER = 'id = "letter"\nversion = 1\ninstruction = "Copy the one option that is right, its letter first."\n'
SMALL = {
    "QRD_GENERATE_STYLES": "letter",
    "QRD_GENERATE_STYLE_FILE": "letter.toml",
    "QRD_GENERATE_SAMPLES": "8",
    "QRD_GENERATE_TEMPERATURE": "1.0",
    "QRD_GENERATE_MAX_TOKENS": "20",
    "QRD_GENERATE_BATCH_SIZE": "60",
    "QRD_JUDGE_MAX_TOKENS": "8",
    "QRD_TRAIN_MAX_STEPS": "2",
    "QRD_TRAIN_PER_DEVICE_TRAIN_BATCH_SIZE": "4",
    "QRD_EVAL_MAX_TOKENS": "8",
    "QRD_EVAL_BASELINE": "false",
    "STUDENTS": "embedded:smollm2-135m",
}


TEACHER = r"""
[[rule]]
regex = "What is (\\d) \\+ (\\d)"
reply = ["Add \\1 and \\2.\nFinal answer: \\boxed{5}", "Final answer: 8", "So it is 9.\nFinal answer: 9"]
[[rule]]
reply = "Nobody knows."
"""
JUDGE = """
[[rule]]
regex = "verdict ([0-9a-f]+): WORD"
reply = "verdict \\\\1: valid\\nreason: every step follows"
"""


def rows(file):
    return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]


@pytest.fixture
def example(tmp_path):
    """A way to run an example in a folder that holds a scripted teacher and judge."""
    (tmp_path / "teacher.toml").write_text(TEACHER, "utf-8")
    (tmp_path / "judge.toml").write_text(JUDGE, "utf-8")
    binary = tmp_path / "bin" / "qrd"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\nexec {sys.executable} -m qrd "$@"\n', "utf-8")
    binary.chmod(0o755)

    def run(name, *words, code=0, **variables):
        environment = {**os.environ, "PATH": f"{binary.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [ROOT / "examples" / name, *words], cwd=tmp_path, env=environment | variables, capture_output=True,
            text=True, timeout=880,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done

    return run


def sums(folder, number):
    """Questions whose answer the scripted teacher knows, to a file."""
    found = [{"id": f"s{n}", "task": "math", "question": "What is 2 + 3?", "answer": "5"} for n in range(number)]
    tiny_models.write_rows(folder / "sums.jsonl", found)


def test_the_tasks_of_an_array_share_the_questions_and_their_files_merge(example, tmp_path):
    sums(tmp_path, 9)
    for task in "123":
        example(
            "slurm.sh", "sums.jsonl", "out", TEACHER="scripted:teacher.toml", SLURM_ARRAY_TASK_ID=task,
            SLURM_ARRAY_TASK_COUNT="3",
        )  # fmt: skip
    parts = [{row["id"] for row in rows(tmp_path / "out" / f"paths.{task}.jsonl")} for task in "123"]
    assert set.union(*parts) == {f"s{n}" for n in range(9)}
    assert sum(map(len, parts)) == 9
    example("slurm.sh", "merge", "out")
    kept, rejected = rows(tmp_path / "out" / "kept.jsonl"), rows(tmp_path / "out" / "rejects.jsonl")
    assert len(kept) + len(rejected) == 9 * 6
    assert kept


def test_requests_that_failed_in_a_task_are_no_part_of_what_is_merged(example, tmp_path):
    (tmp_path / "teacher.toml").write_text('[[rule]]\nmatch = "Who"\nerror = "busy"\n' + TEACHER, "utf-8")
    sums(tmp_path, 3)
    with (tmp_path / "sums.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "who", "task": "text", "question": "Who?", "answer": "Ada"}\n')
    words = {"TEACHER": "scripted:teacher.toml", "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "1"}
    example("slurm.sh", "sums.jsonl", "out", code=3, **words)
    assert (tmp_path / "out" / "paths.1.jsonl.failed.jsonl").exists()
    example("slurm.sh", "merge", "out")
    kept, rejected = rows(tmp_path / "out" / "kept.jsonl"), rows(tmp_path / "out" / "rejects.jsonl")
    assert sorted(row["id"] for row in kept + rejected) == [f"s{n}" for n in range(3) for _ in range(6)]


def test_paths_of_an_api_teacher_are_priced_judged_by_a_panel_and_verified(example, tmp_path):
    sums(tmp_path, 2)
    tiny_models.write_rows(tmp_path / "test.jsonl", [{"id": "t", "task": "text", "question": "Who?", "answer": "Ada"}])
    words = {"TEACHER": "scripted:teacher.toml", "JUDGES": "scripted:judge.toml scripted:./judge.toml"}
    told = example("api.sh", "sums.jsonl", "test.jsonl", "out", **words)
    assert "calls" in told.stderr
    kept = rows(tmp_path / "out" / "kept.jsonl")
    assert kept
    assert all(len(row["verdicts"]) == 2 and row["verdict"] == "valid" for row in kept)


def test_six_sums_become_a_student_and_a_report(example, tmp_path):
    words = {
        "TEACHER": "scripted:teacher.toml", "STUDENT": str(tiny_models.save_llama(tmp_path / "llama")),
        "QRD_TRAIN_ENCODER": str(tiny_models.save_encoder(tmp_path / "encoder")), "QRD_EVAL_BASELINE": "false",
    }  # fmt: skip
    example("quickstart.sh", "out", **words)
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    assert {row["model"] for row in rows(tmp_path / "out" / "predictions.jsonl")} >= {"little"}


def test_the_conditions_of_an_ablation_end_in_one_table(example, tmp_path):
    students = [f"a={tiny_models.save_llama(tmp_path / 'llama')}", f"b={tiny_models.save_gemma(tmp_path / 'gemma')}"]
    judged = [{**row, "verdicts": [], "verdict": "valid"} for row in tiny_models.path_rows()]
    tiny_models.write_rows(tmp_path / "judged.jsonl", judged)
    sums(tmp_path, 1)
    example(
        "ablation.sh", "judged.jsonl", "sums.jsonl", "out", STUDENTS=" ".join(students), CONDITIONS="no-routing",
        QRD_TRAIN_MAX_STEPS="1",
    )  # fmt: skip
    compared = json.loads((tmp_path / "out" / "compared.json").read_text("utf-8"))
    assert {"a", "b", "base:a", "base:b"} <= set(compared["models"])
    assert {row["model"] for row in rows(tmp_path / "out" / "no-routing.jsonl")} == set(compared["models"])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_pipeline_example_runs_on_real_questions_and_every_file_follows_the_contract(example, tmp_path):
    questions = DATA / "questions" / "date.train.jsonl"
    if not questions.is_file():
        pytest.skip("no real data here (QRD_TEST_DATA)")
    try:
        embedded.folder_of("embedded:smollm2-135m"), embedded.folder_of("embedded:minilm-l6")
    except ConfigError as error:
        pytest.skip(str(error))
    lines = questions.read_text("utf-8").splitlines(keepends=True)
    (tmp_path / "test.jsonl").write_text("".join(lines[20:40]), "utf-8")
    (tmp_path / "letter.toml").write_text(LETTER, "utf-8")
    example("pipeline.sh", questions, "test.jsonl", "out", **SMALL)
    out = tmp_path / "out"
    paths, judged, kept, rejects = (rows(out / f"{name}.jsonl") for name in ("paths", "judged", "kept", "rejects"))
    for row in [*paths, *judged, *kept, *rejects]:
        records.checked(row, records.Path, file="-", line=1)
    assert len(paths) == len(judged) == len(kept) + len(rejects) == 160
    predictions = rows(out / "predictions.jsonl")
    for row in predictions:
        records.checked(row, records.Prediction, file="-", line=1)
    models = json.loads((out / "summary.json").read_text("utf-8"))["models"]
    assert list(models) == ["smollm2-135m"]
    assert all(scores["rows"] == 20 for scores in models.values())
    assert len(predictions) == 20
    assert (out / "run" / "students" / "smollm2-135m" / "adapter_model.safetensors").is_file()
    assert len(rows(out / "run" / "metrics.jsonl")) == 2
    assert {row["path_id"] for row in rows(out / "run" / "routing.jsonl")} <= {row["path_id"] for row in kept}


def test_every_api_model_that_a_recipe_or_the_readme_names_has_a_price_since_max_cost_refuses_others():
    files = [ROOT / "README.md", *(ROOT / "examples").glob("*.sh")]
    text = "\n".join(file.read_text("utf-8") for file in files)
    models = set(re.findall(r"\b(?:openai|gemini|anthropic)/[\w.-]*\w", text))
    assert len(models) > 2
    assert [model for model in sorted(models) if prices.price(model, 1, 1) is None] == []
