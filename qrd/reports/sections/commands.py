"""The section of commands that make the same again."""

from __future__ import annotations

from typing import Any

from qrd.config import (
    DataImportConfig,
    DataPathsConfig,
    EvalConfig,
    FilterConfig,
    GenerateConfig,
    JudgeConfig,
    TrainConfig,
    knobs,
)
from qrd.console import clean
from qrd.errors import ConfigError
from qrd.reports.document import Section
from qrd.reports.facts.gathered import Gathered, Stage
from qrd.rows.records import Fields

COMMANDS: dict[str, type[Any]] = {
    "data import": DataImportConfig,
    "data paths": DataPathsConfig,
    "generate": GenerateConfig,
    "judge": JudgeConfig,
    "filter": FilterConfig,
    "train": TrainConfig,
    "eval": EvalConfig,
}


def section(found: Gathered, summary: Fields) -> Section:
    """The commands that give all this again, from the manifests."""
    part = Section("commands", "Repeat it")
    part.commands = list(dict.fromkeys(filter(None, map(_command, found.stages))))
    if part.commands:
        part.text = [
            "These commands, in this order, do it again; a click selects a whole one. Models and keys must be there."
        ]
    return part


def _command(stage: Stage) -> str | None:
    """The command line of a stage; None where its manifest holds no configuration that qrd knows."""
    kind, config = COMMANDS.get(stage.command), stage.manifest.get("config")
    if kind is None or not isinstance(config, dict):
        return None
    plain = {name: value for name, value in config.items() if name not in ("quiet", "debug")}
    try:
        return clean(knobs.command_line(f"qrd {stage.command}", knobs.build(kind, plain)))
    except ConfigError:
        return None
