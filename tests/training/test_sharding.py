"""FSDP: each process holds a shard of every student, and the run ends where one process ends."""

import json
import os
import signal
from dataclasses import replace

import pytest
import torch
from processes import SHARDED, assert_same_run, launch

from qrd.errors import ConfigError, Interrupted
from qrd.stages.train import run as train
from qrd.training import checkpoint
from qrd.training.devices.sharding import shard, take_turns
from qrd.training.loop import Loop
from qrd.training.students.loading import load_student, parse_students


def test_in_every_turn_all_processes_run_the_same_students():
    a, b, both = (True, False), (False, True), (True, True)
    pieces = [both, a, both, b, both]
    turns = [take_turns(pieces, process=process, num_processes=2) for process in (0, 1)]
    assert turns == [[(0, True), (4, True), (1, True), (3, True)], [(2, True), (4, False), (1, False), (3, False)]]
    for students in (pieces, [a], [both] * 7, [a, b] * 5):
        turns = [take_turns(students, process=process, num_processes=3) for process in range(3)]
        assert all(len({students[number] for number, _ in turn}) == 1 for turn in zip(*turns, strict=True))
        assert sorted(n for own in turns for n, counts in own if counts) == list(range(len(students)))


@pytest.mark.parametrize(("lacking", "named"), [("head", "its head"), ("layers", "its layers")])
def test_a_student_that_cannot_be_taken_apart_is_refused(settings, lacking, named):
    config = settings()
    student = load_student(parse_students(config.student)[0], config, torch.device("cpu"))
    if lacking == "head":
        student.head = None
    else:
        student.base._no_split_modules = None
    with pytest.raises(ConfigError, match=f"--student a: cannot be sharded, since {named}"):
        shard(student, student.device, reshard_after_forward=True)


@pytest.mark.slow
def test_sharded_runs_end_where_one_process_does_which_may_begin_or_end_them(
    settings, console, tiny, tmp_path, monkeypatch
):
    two, options = [f"a={tiny.llama}", f"b={tiny.gemma}"], {"max_steps": 2, "micro_batch_tokens": 300}
    lora = {**options, "learning_rate": 1e-3, "lora_dropout": 0.1, "student": [*two, f"c={tiny.llama}"]}
    # Clipping would hide the scale of gradients here.
    full = {**options, "learning_rate": 1e-3, "finetune": "full", "freeze": ["c"], "max_grad_norm": 0}
    full |= {"student": [*two, f"c={tiny.gemma}"]}
    for name, each in (("lora", lora), ("full", full)):
        train.run(settings(output=str(tmp_path / f"expected {name}"), **each), console)
    begun = settings(output=str(tmp_path / "begun"), **lora)
    whole, ended = (settings(output=str(tmp_path / name), **full) for name in ("whole", "ended"))
    run_step = Loop.run_step

    def stopped(loop, step):
        os.kill(os.getpid(), signal.SIGTERM)
        return run_step(loop, step)

    monkeypatch.setattr(Loop, "run_step", stopped)
    with pytest.raises(Interrupted, match="after step 1 of 2"):
        train.run(begun, console)
    monkeypatch.setattr(Loop, "run_step", run_step)
    changed = {"per_device_train_batch_size": 4, "gradient_checkpointing": True}
    launch([(replace(run, **changed), stop) for run, stop in ((begun, 0), (whole, 0), (ended, 1))], tmp_path, SHARDED)
    assert [step for step, _ in checkpoint.checkpoints(tmp_path / "ended" / "checkpoints")] == [1]
    train.run(ended, console)
    for name, expected in (("begun", "lora"), ("whole", "full"), ("ended", "full")):
        assert_same_run(tmp_path / name, tmp_path / f"expected {expected}", tolerance=1e-5)
    one, other = (json.loads((tmp_path / r / "students/b/config.json").read_text()) for r in ("whole", "expected full"))
    assert one == other
