"""Options of `verify`."""

from __future__ import annotations

from dataclasses import dataclass

from qrd.config.base import Command
from qrd.config.knobs import knob


@dataclass(frozen=True, kw_only=True)
class VerifyConfig(Command):
    """Files that qrd wrote, checked against their manifests."""

    input: tuple[str, ...] = knob((), "Files that qrd wrote, each with its manifest.", positional=True, required=True)
