"""qrd train"""

from __future__ import annotations

import dataclasses
from typing import Any

import typer

from qrd.cli.exits import leave
from qrd.cli.options import command
from qrd.cli.questions import ask_model, ask_number, ask_text
from qrd.config import TrainConfig
from qrd.console import Console


def register(app: typer.Typer) -> None:
    """Put the command on `app`."""

    @command(app, "train", TrainConfig, ask=ask)
    def train(config: TrainConfig) -> None:
        """Paths to fitted students: joint training with a router and mutual distillation."""
        from qrd.stages.train.run import run

        leave(run(config, Console(quiet=config.quiet)))


def ask(config: TrainConfig) -> TrainConfig:
    """Ask for what is missing: students, and where to read and write."""
    answers: dict[str, Any] = {}
    if config.input == ("-",):
        answers["input"] = (ask_text("File with the paths", must_exist=True),)
    if not config.student:
        first = ask_model("First student", default="embedded:smollm2-135m")
        second = ask_model("Second student", default="embedded:gemma3-270m", optional=True)
        answers["student"] = tuple(name for name in (first, second) if name)
    answers["num_train_epochs"] = float(ask_number("Epochs", default=int(config.num_train_epochs)))
    if not config.output:
        answers["output"] = ask_text("Run folder", default="runs/first")
    return dataclasses.replace(config, **answers)
