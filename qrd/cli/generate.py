"""qrd generate"""

from __future__ import annotations

import dataclasses

import typer

from qrd.cli.exits import leave
from qrd.cli.options import command
from qrd.cli.questions import ask_model, ask_number, ask_text
from qrd.config import GenerateConfig
from qrd.console import Console


def register(app: typer.Typer) -> None:
    """Put the command on `app`."""

    @command(app, "generate", GenerateConfig, ask=ask, is_costly=lambda config: not config.dry_run)
    def generate(config: GenerateConfig) -> None:
        """Questions to reasoning paths: ask teachers for each question in several styles."""
        from qrd.stages.generate import run

        leave(run(config, Console(quiet=config.quiet)))


def ask(config: GenerateConfig) -> GenerateConfig:
    """Ask for what is missing: a teacher, and where to read and write."""
    answers = {
        "teacher": (ask_model("Teacher", default="embedded:smollm2-135m"),),
        "samples": ask_number("Paths for each question and style", default=config.samples),
    }
    if config.input == ("-",):
        answers["input"] = (ask_text("File with the questions", must_exist=True),)
    if config.output == "-":
        answers["output"] = ask_text("File to write", default="paths.jsonl")
    return dataclasses.replace(config, **answers)  # type: ignore[arg-type]
