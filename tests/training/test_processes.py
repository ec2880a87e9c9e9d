"""Two processes share a window's micro-batches, end where one process does, and one may go on for the other."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path as File

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import read_rows

import qrd
from qrd import knobs
from qrd.errors import ConfigError, Interrupted
from qrd.stages import train
from qrd.training import checkpoint
from qrd.training.loop import Loop

ROOT = str(File(qrd.__file__).parent.parent)
SCRIPT = """
import json, os, signal, sys, torch
torch.set_num_threads(1)
from qrd import knobs
from qrd.config import TrainConfig
from qrd.console import Console
from qrd.errors import Interrupted
from qrd.stages import train
from qrd.training.loop import Loop
run_step = Loop.run_step
for options, stop in json.loads(sys.argv[1]):
    def stopped(loop, step):
        if step + 1 == stop and loop.accelerator.process_index == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return run_step(loop, step)
    Loop.run_step = stopped
    try:
        train.run(knobs.build(TrainConfig, options), Console(quiet=True))
    except Interrupted:
        assert stop
"""


def launch(configs_and_stops, tmp_path):
    """Two processes do the runs, one after the other; in the step where a run is to stop, one of them gets a signal."""
    script = tmp_path / "child.py"
    script.write_text(SCRIPT)
    runs = json.dumps([(knobs.plain(config), stop) for config, stop in configs_and_stops])
    done = subprocess.run(
        # accelerate launch has no launcher of its own for several processes on a CPU: it calls mpirun.
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script), runs],
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "PYTHONPATH": ROOT}, timeout=250,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def assert_same_run(found, expected):
    """The same order of paths, each once an epoch; losses and weights that differ by rounding."""
    routed, others = (read_rows(run / "routing.jsonl") for run in (found, expected))
    for row, other in zip(routed, others, strict=True):
        assert row.pop("probability") == pytest.approx(other.pop("probability"), abs=1e-4)
        assert row == other
    lines, others = (read_rows(run / "metrics.jsonl") for run in (found, expected))
    for line, other in zip(lines, others, strict=True):
        assert line["loss"] == pytest.approx(other["loss"], abs=1e-5)
        assert line["terms"] == pytest.approx(other["terms"], abs=1e-5)
        assert (line["step"], line["student_tokens"]) == (other["step"], other["student_tokens"])
    for name in ("a", "b"):
        one, other = (load_file(run / "students" / name / "adapter_model.safetensors") for run in (found, expected))
        assert all(torch.allclose(one[key], other[key], atol=1e-4) for key in other)
    assert checkpoint.checkpoints(found / "checkpoints")[-1][0] == lines[-1]["step"]
    assert not [file for file in found.rglob("*") if file.name.endswith(".tmp")]


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
