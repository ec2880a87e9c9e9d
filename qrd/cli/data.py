"""qrd data import, qrd data paths, qrd data export"""

from __future__ import annotations

import typer

from qrd.cli.exits import leave
from qrd.cli.options import CONTEXT_SETTINGS, command
from qrd.config import DataExportConfig, DataImportConfig, DataPathsConfig
from qrd.console import Console


def register(app: typer.Typer) -> None:
    """Put the group and its commands on `app`."""
    group = typer.Typer(
        help="Data sets to questions; replies made elsewhere to paths; paths to the rows of other trainers.",
        no_args_is_help=True,
        context_settings=CONTEXT_SETTINGS,
        rich_markup_mode=None,
    )
    app.add_typer(group, name="data")

    @command(group, "import", DataImportConfig, group="data")
    def import_data(config: DataImportConfig) -> None:
        """A data set as published to questions; NAME comes first, then its files."""
        from qrd.stages.data.importing import run

        leave(run(config, Console(quiet=config.quiet)))

    @command(group, "paths", DataPathsConfig, group="data")
    def paths(config: DataPathsConfig) -> None:
        """Replies made elsewhere (rows of id and response, or conversations) to paths."""
        from qrd.stages.data.paths import run

        leave(run(config, Console(quiet=config.quiet)))

    @command(group, "export", DataExportConfig, group="data")
    def export(config: DataExportConfig) -> None:
        """Paths to the rows that TRL, LLaMA-Factory, ms-swift or axolotl read; a folder gets a card."""
        from qrd.stages.data.exporting import run

        leave(run(config, Console(quiet=config.quiet)))
