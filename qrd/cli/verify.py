"""qrd verify"""

from __future__ import annotations

import typer

from qrd.cli.exits import leave
from qrd.cli.options import command
from qrd.config import VerifyConfig
from qrd.console import Console


def register(app: typer.Typer) -> None:
    """Put the command on `app`."""

    @command(app, "verify", VerifyConfig)
    def verify(config: VerifyConfig) -> None:
        """Files that qrd wrote, checked against their manifests: nothing lost, doubled or changed."""
        from qrd.stages.verify.run import run

        leave(run(config, Console(quiet=config.quiet)))
