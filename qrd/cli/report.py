"""qrd report"""

from __future__ import annotations

import sys

import typer

from qrd.cli.exits import leave
from qrd.cli.options import command
from qrd.config import ReportConfig
from qrd.console import Console
from qrd.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Put the command on `app`."""

    @command(app, "report", ReportConfig)
    def report(config: ReportConfig) -> None:
        """Run folders, predictions and paths to one self-contained page: tables, figures, and paths to browse."""
        if config.output == "-" and sys.stdout.isatty():
            raise ConfigError("-o must be given: a page is nothing to read on a terminal (-o report.html)")
        from qrd.stages.report import run

        leave(run(config, Console(quiet=config.quiet)))
