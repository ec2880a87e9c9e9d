"""Exit code 3: finished, but some rows failed or were set aside."""

from __future__ import annotations

from typing import Any

import typer

PARTIAL = 3


def leave(summary: Any) -> None:
    """End the command with exit code 3 where `summary` says that rows failed or were set aside."""
    if getattr(summary, "num_bad", 0) or getattr(summary, "is_partial", False):
        raise typer.Exit(PARTIAL)
