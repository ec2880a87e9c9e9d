"""Options of `inspect`."""

from __future__ import annotations

from dataclasses import dataclass

from qrd.config.base import Command
from qrd.config.knobs import knob


@dataclass(frozen=True, kw_only=True)
class InspectConfig(Command):
    """Any of these files, shown: browsed on a terminal, counted in a pipe."""

    input: tuple[str, ...] = knob(("-",), "JSONL files, read in order; - is standard input.", positional=True)
    plain: bool = knob(False, "Counts or records as text on a terminal too, instead of the browser.")
    show: int | None = knob(None, "Show N records in full.", low=1)
    where: tuple[str, ...] = knob((), "Only records with FIELD=VALUE, such as style=cot. Repeatable.")
    id: tuple[str, ...] = knob((), "Only the records of this id or path_id. Repeatable.")
