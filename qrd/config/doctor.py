"""The doctor command."""

from __future__ import annotations

from dataclasses import dataclass

from qrd.config.base import Command
from qrd.config.knobs import knob


@dataclass(frozen=True, kw_only=True)
class DoctorConfig(Command):
    """What would work on this machine, and what not."""

    deep: bool = knob(False, "Import the libraries too, and ask torch for its devices: slow, but sure.")
