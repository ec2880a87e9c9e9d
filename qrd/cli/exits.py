"""Exit code 3: finished, but some rows failed or were set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from qrd.stages import Tally

PARTIAL = 3


def leave(tally: Tally) -> None:
    """End the command with exit code 3 where `tally` says that rows failed or were set aside."""
    if tally.is_partial:
        raise typer.Exit(PARTIAL)
