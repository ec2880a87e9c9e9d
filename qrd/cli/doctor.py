"""qrd doctor"""

from __future__ import annotations

import typer

from qrd.cli.options import command
from qrd.config import DoctorConfig
from qrd.console import Console


def register(app: typer.Typer) -> None:
    """Put the command on `app`."""

    @command(app, "doctor", DoctorConfig)
    def doctor(config: DoctorConfig) -> None:
        """Versions, devices, keys by name, embedded models, and what would not work here and why."""
        from qrd.stages.doctor import run

        run(config, Console(quiet=config.quiet))
