"""qrd inspect"""

from __future__ import annotations

import typer

from qrd.cli.exits import leave
from qrd.cli.options import command
from qrd.config import InspectConfig
from qrd.console import Console


def register(app: typer.Typer) -> None:
    """Put the command on `app`."""

    @command(app, "inspect", InspectConfig)
    def inspect(config: InspectConfig) -> None:
        """Any of these files, shown: counts, or single records."""
        from qrd.stages.inspect import run

        leave(run(config, Console(quiet=config.quiet)))
