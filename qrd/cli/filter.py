"""qrd filter"""

from __future__ import annotations

import typer

from qrd.cli.exits import leave
from qrd.cli.options import command
from qrd.config import FilterConfig
from qrd.console import Console


def register(app: typer.Typer) -> None:
    """Put the command on `app`."""

    @command(app, "filter", FilterConfig)
    def filter_paths(config: FilterConfig) -> None:
        """Paths to the paths worth training on: right, sound, whole."""
        from qrd.stages.filter.run import run

        leave(run(config, Console(quiet=config.quiet)))
