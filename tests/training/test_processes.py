"""Two processes share a window's micro-batches and end where one process does."""

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
from qrd import knobs
from qrd.stages import train

ROOT = str(File(qrd.__file__).parent.parent)
SCRIPT = """
import json, sys, torch
torch.set_num_threads(1)
from qrd import knobs
from qrd.config import TrainConfig
from qrd.console import Console
from qrd.stages import train
train.run(knobs.build(TrainConfig, json.loads(sys.argv[1])), Console(quiet=True))
"""


@pytest.mark.slow
def test_two_processes_learn_what_one_does(settings, console, tmp_path):
    options = {"max_steps": 4, "micro_batch_tokens": 300, "learning_rate": 1e-3}
    train.run(settings(output=str(tmp_path / "one"), **options), console)
    config = settings(output=str(tmp_path / "two"), per_device_train_batch_size=4, **options)
    script = tmp_path / "child.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script)]
    done = subprocess.run(
        [*command, json.dumps(knobs.plain(config))],
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "PYTHONPATH": ROOT},
        timeout=200, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    lines, expected = (read_rows(tmp_path / name / "metrics.jsonl") for name in ("two", "one"))
    for line, other in zip(lines, expected, strict=True):
        assert line["terms"] == pytest.approx(other["terms"], abs=1e-4)
        assert line["student_tokens"] == other["student_tokens"]
    for name in ("a", "b"):
        found, one = (
            load_file(tmp_path / run / "students" / name / "adapter_model.safetensors") for run in ("two", "one")
        )
        assert all(torch.allclose(found[key], one[key], atol=1e-4) for key in one)
