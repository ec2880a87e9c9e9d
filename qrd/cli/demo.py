"""qrd demo"""

from __future__ import annotations

import typer

from qrd.cli.exits import leave
from qrd.cli.options import command
from qrd.config import DemoConfig
from qrd.console import Console


def register(app: typer.Typer) -> None:
    """Put the command on `app`."""

    @command(app, "demo", DemoConfig)
    def demo(config: DemoConfig) -> None:
        """The whole pipeline, offline, on small models from the package index (five to ten minutes)."""
        from qrd.stages.demo import run

        leave(run(config, Console(quiet=config.quiet)))
