"""Options of `demo`."""

from __future__ import annotations

from dataclasses import dataclass

from qrd.config.base import OUTPUT, Command
from qrd.config.knobs import knob


@dataclass(frozen=True, kw_only=True)
class DemoConfig(Command):
    """The whole pipeline on models that come with the package index."""

    output: str = knob("qrd-demo", "Folder to write.", short="-o", group=OUTPUT)
    seed: int = knob(0, "Seed of the questions and of every stage.")
