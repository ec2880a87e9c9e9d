"""qrd judge"""

from __future__ import annotations

import typer

from qrd.cli.exits import leave
from qrd.cli.options import command
from qrd.config import JudgeConfig
from qrd.console import Console


def register(app: typer.Typer) -> None:
    """Put the command on `app`."""

    @command(app, "judge", JudgeConfig, is_costly=lambda config: True)
    def judge(config: JudgeConfig) -> None:
        """Paths to judged paths: ask judges whether the reasoning of right paths holds."""
        from qrd.stages.judge.run import run

        leave(run(config, Console(quiet=config.quiet)))
