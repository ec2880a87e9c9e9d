"""Two processes share a window's micro-batches, end where one process does, and one may go on for the other."""

import os
import signal
from dataclasses import replace

import pytest
from processes import assert_same_run, launch

from qrd.errors import ConfigError, Interrupted
from qrd.stages import train
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
