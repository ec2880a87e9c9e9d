"""Runs of the trainer in two processes, and whether a run ended where another did."""

import json
import os
import subprocess
import sys
from pathlib import Path as File

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import read_rows

import qrd
from qrd.config import knobs
from qrd.training import checkpoint

ROOT = str(File(qrd.__file__).parent.parent)
SCRIPT = """
import json, os, signal, sys, torch
torch.set_num_threads(1)
from qrd.config import knobs
from qrd.config import TrainConfig
from qrd.console import Console
from qrd.errors import Interrupted
from qrd.stages.train import run as train
from qrd.training.loop import Loop
from accelerate.state import PartialState
PartialState.destroy_process_group = lambda state, group=None: None  # the processes have other runs to do
run_step = Loop.run_step
for options, stop in json.loads(sys.argv[1]):
    def stopped(loop, step):
        if step + 1 == stop and loop.accelerator.process_index == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        if os.environ.get("ACCELERATE_USE_FSDP"):
            for student in loop.students:
                held = sum(p.to_local().numel() for p in student.model.parameters())
                assert 0.45 < held / sum(p.numel() for p in student.model.parameters()) < 0.55
        return run_step(loop, step)
    Loop.run_step = stopped
    try:
        train.run(knobs.build(TrainConfig, options), Console(quiet=True))
    except Interrupted:
        assert stop
"""
# accelerate launch has no launcher of its own for several processes on a CPU: it calls mpirun.
PLAIN = ["torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
SHARDED = ["accelerate.commands.launch", "--num_processes", "2", "--use_fsdp", "--fsdp_version", "2"]


def launch(configs_and_stops, tmp_path, launcher=PLAIN):
    """Two processes do the runs, one after the other; in the step where a run is to stop, one of them gets a signal."""
    script = tmp_path / "child.py"
    script.write_text(SCRIPT)
    runs = json.dumps([(knobs.plain(config), stop) for config, stop in configs_and_stops])
    done = subprocess.run(
        [sys.executable, "-m", *launcher, str(script), runs], timeout=250, capture_output=True, text=True,
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "PYTHONPATH": ROOT},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-6000:]


def assert_same_run(found, expected, *, tolerance=1e-4):
    """The same order of paths, each once an epoch; losses, weights and moments that differ by rounding. AdamW hides the
    scale of gradients, its moments do not."""
    routed, others = (read_rows(run / "routing.jsonl") for run in (found, expected))
    for row, other in zip(routed, others, strict=True):
        assert row.pop("probability") == pytest.approx(other.pop("probability"), abs=1e-4)
        assert row == other
    lines, others = (read_rows(run / "metrics.jsonl") for run in (found, expected))
    for line, other in zip(lines, others, strict=True):
        assert line["loss"] == pytest.approx(other["loss"], abs=1e-5)
        assert line["terms"] == pytest.approx(other["terms"], abs=1e-5)
        assert (line["step"], line["student_tokens"]) == (other["step"], other["student_tokens"])
    files = [file.relative_to(expected) for file in expected.rglob("*.safetensors")]
    assert len(files) == 3 + len(list(expected.glob("students/*")))  # checkpoint and router
    for file in files:
        one, other = load_file(found / file), load_file(expected / file)
        assert one.keys() == other.keys()
        near = {"rtol": 1e-2, "atol": 1e-6} if file.name == "optimizer.safetensors" else {"atol": tolerance}
        assert all(torch.allclose(one[key], other[key], **near) for key in other), file
    assert checkpoint.checkpoints(found / "checkpoints")[-1][0] == lines[-1]["step"]
    assert not [file for file in found.rglob("*") if file.name.endswith(".tmp")]
