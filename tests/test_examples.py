"""The offline examples, run as they are with real models; sizes are set by the variables that users have too."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qrd import embedded, records
from qrd.errors import ConfigError

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("QRD_TEST_DATA", ROOT / ".." / "shared" / "data"))
# A teacher of 135 million parameters seldom gets a date right in prose; asked for the letter alone it does by chance.
LETTER = 'id = "letter"\nversion = 1\ninstruction = "Copy the one option that is right, its letter first."\n'
SMALL = {
    "QRD_GENERATE_STYLES": "letter",
    "QRD_GENERATE_STYLE_FILE": "letter.toml",
    "QRD_GENERATE_SAMPLES": "5",
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


def rows(file):
    return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_pipeline_example_runs_on_real_questions_and_every_file_follows_the_contract(tmp_path):
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
    binary = tmp_path / "bin" / "qrd"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\nexec {sys.executable} -m qrd "$@"\n', "utf-8")
    binary.chmod(0o755)
    environment = {**os.environ, **SMALL, "PATH": f"{binary.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [ROOT / "examples" / "pipeline.sh", questions, "test.jsonl", "out"], cwd=tmp_path, env=environment,
        capture_output=True, text=True, timeout=880,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    paths, judged, kept, rejects = (rows(out / f"{name}.jsonl") for name in ("paths", "judged", "kept", "rejects"))
    for row in [*paths, *judged, *kept, *rejects]:
        records.checked(row, records.Path, file="-", line=1)
    assert len(paths) == len(judged) == len(kept) + len(rejects) == 100
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
