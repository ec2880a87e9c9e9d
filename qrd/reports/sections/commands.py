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

COMMANDS: dict[str, type[Any]] = {
    "data import": DataImportConfig, "data paths": DataPathsConfig, "generate": GenerateConfig, "judge": JudgeConfig,
    "filter": FilterConfig, "train": TrainConfig, "eval": EvalConfig,
}  # fmt: skip


def commands_section(found: Gathered) -> Section:
    """The commands that give all this again, from the manifests."""
    section = Section("commands", "Repeat it")
    section.commands = list(dict.fromkeys(filter(None, map(_command, found.stages))))
    if section.commands:
        section.text = [
            "These commands, in this order, do it again; a click selects a whole one. Models and keys must be there."
        ]
    return section


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
