"""Two processes share a window's micro-batches, end where one process does, and one may go on for the other."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from processes import PLAIN, ROOT, assert_same_run, launch
from tiny_models import path_rows, read_rows, write_rows

from qrd.errors import ConfigError, Interrupted
from qrd.rows.manifest import sha256_of
from qrd.rows.records import digest
from qrd.stages.train import run as train
from qrd.training import checkpoint
from qrd.training.loop import Loop


@pytest.mark.slow
def test_runs_that_change_from_one_process_to_two_or_back_end_where_one_process_does(
    settings, console, tmp_path, monkeypatch
):
    options = {"max_steps": 5, "micro_batch_tokens": 300, "learning_rate": 1e-3, "lora_dropout": 0.1}
    train.run(settings(output=str(tmp_path / "whole"), **options), console)
    one, two = (settings(output=str(tmp_path / name), **options) for name in ("from one", "from two"))
    run_step = Loop.run_step

    def stopped(loop, step):
        if step == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return run_step(loop, step)

    monkeypatch.setattr(Loop, "run_step", stopped)
    with pytest.raises(Interrupted, match="after step 2 of 5"):
        train.run(one, console)
    monkeypatch.setattr(Loop, "run_step", run_step)
    halves = [replace(config, per_device_train_batch_size=4) for config in (two, one)]
    launch(zip(halves, (3, 0), strict=True), tmp_path)
    assert checkpoint.checkpoints(tmp_path / "from two" / "checkpoints")[-1][0] == 3
    train.run(two, console)
    assert_same_run(tmp_path / "from one", tmp_path / "whole")
    assert_same_run(tmp_path / "from two", tmp_path / "whole")


def test_a_resume_with_another_number_of_paths_in_a_step_is_refused(settings, console):
    train.run(settings(max_steps=1), console)
    with pytest.raises(ConfigError, match=r"paths of a step \(batch x accumulation x processes\) \(8 -> 4\)"):
        train.run(settings(max_steps=1, per_device_train_batch_size=4), console)
    train.run(settings(max_steps=1, per_device_train_batch_size=4, gradient_accumulation_steps=2), console)


SLOW = """
import time
from qrd.cli import main
from qrd.training.folder import RunFolder
save_students = RunFolder.save_students
def late(folder, students):
    time.sleep(3 if folder.leads else 0)
    save_students(folder, students)
RunFolder.save_students = late
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("leaves_out", [False, True])
def test_torchrun_ends_once_the_leader_has_written_everything(tiny, tmp_path, leaves_out):
    rows, run, program = path_rows(4), tmp_path / "run", ["-m", "qrd"]
    if leaves_out:  # so that every process ends with 3, for which torchrun ends those that still run
        rows[0]["response"] = "Add one more. " * 200
        (tmp_path / "slow.py").write_text(SLOW)
        program = [str(tmp_path / "slow.py")]
    file = write_rows(tmp_path / "paths.jsonl", rows)
    options = ["--encoder", str(tiny.encoder), "--max-steps", "2", "--max-length", "400"]
    students = ["--student", f"a={tiny.llama}", "--student", f"b={tiny.gemma}"]
    done = subprocess.run(
        [sys.executable, "-m", *PLAIN, *program, "train", str(file), "-o", str(run), *students, *options],
        timeout=250, capture_output=True, text=True,
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": ROOT},
    )  # fmt: skip
    assert done.returncode == int(leaves_out), done.stderr[-6000:]
    told = json.loads((run / "manifest.json").read_text())
    assert (told["finished"], told["steps"], told["rows_out"]) == (True, 2, len(rows) - leaves_out)
    assert [line["step"] for line in read_rows(run / "metrics.jsonl")] == [1, 2]
    assert all((run / "students" / name / "adapter_model.safetensors").is_file() for name in "ab")
    below = sorted(f.relative_to(run).as_posix() for f in run.rglob("*") if f.is_file())
    whole = digest([[name, sha256_of(run / name)] for name in below if name != "manifest.json"])
    assert whole == told["output"]["sha256"]
