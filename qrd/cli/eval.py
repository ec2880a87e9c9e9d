"""qrd eval"""

from __future__ import annotations

import typer

from qrd.cli.exits import leave
from qrd.cli.options import command
from qrd.config import EvalConfig
from qrd.console import Console


def register(app: typer.Typer) -> None:
    """Put the command on `app`."""

    @command(app, "eval", EvalConfig, is_costly=lambda config: not (config.compare or config.export))
    def evaluate(config: EvalConfig) -> None:
        """Questions to predictions and a table: accuracy of students, bases and ensembles."""
        if config.compare:
            from qrd.stages.eval.comparing import run
        elif config.export:
            from qrd.stages.eval.exporting import run
        else:
            from qrd.stages.eval.run import run

        leave(run(config, Console(quiet=config.quiet)))
