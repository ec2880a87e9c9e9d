"""One verb a module or folder: a plate that says what it reads, does, writes and never does; `run`; its parts.

A stage takes a configuration and a Console, and knows nothing of Typer and of no other verb. It raises an error of
`qrd.errors`; the command line turns that into an exit code, and the tally into 0 or 3.

A new verb X is three modules of one name: its options in `config/X.py`, listed in `config/__init__.py`; its `run` here,
in `X.py` or in `X/run.py` beside its parts; its command in `cli/X.py`, which `COMMANDS` of `cli/__init__.py` lists. One
that asks models does so in the frame of `asking.Asking`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from qrd.config import Command
from qrd.console import Console

C = TypeVar("C", bound=Command)


@dataclass
class Tally:
    """What a run counted; `reasons` says why rows are not in the output."""

    num_in: int = 0
    num_out: int = 0
    num_bad: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def is_partial(self) -> bool:
        """Whether rows failed, were set aside or are still to come (exit 3)."""
        return bool(self.num_bad)


Run = Callable[[C, Console], Tally]  # what every verb is, C being its options
