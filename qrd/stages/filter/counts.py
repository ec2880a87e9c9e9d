"""What a run of `filter` counts, shows and writes to --summary."""

from __future__ import annotations

from collections import Counter
from typing import Any

from qrd.config import FilterConfig
from qrd.console import Console
from qrd.filters.decision import KEPT
from qrd.filters.ledger import Coverage, Ledger
from qrd.rows.reader import Reader
from qrd.rows.records import Fields
from qrd.stages import Tally, selecting

SHOWN_ROWS = 40


def dropped(ledger: Ledger) -> dict[str, int]:
    """How many paths each reason left out."""
    return {reason: number for reason, number in ledger.by_reason().items() if reason != KEPT}


def tally_of(reader: Reader[Any], ledger: Ledger, config: FilterConfig) -> Tally:
    """The counts of a run of filter."""
    num_bad = len(reader.bad)
    left_out = {} if config.flag else dropped(ledger)
    not_selected = reader.num_rows - num_bad - len(ledger)
    reasons = {**left_out, "bad": num_bad, "not_selected": not_selected}
    num_out = len(ledger) - sum(left_out.values())
    return Tally(num_in=reader.num_rows, num_out=num_out, num_bad=num_bad, reasons=reasons)


def summary_of(ledger: Ledger, coverage: Coverage) -> Fields:
    """What --summary holds."""
    names = ("reason", "style", "teacher", "difficulty", "paths")
    rows = [dict(zip(names, (*kind, number))) for kind, number in sorted(ledger.by_kind().items())]
    return {"paths": ledger.by_reason(), **coverage.as_json(), "ledger": rows}


def show(ledger: Ledger, coverage: Coverage, reader: Reader[Any], console: Console) -> None:
    """Nothing; bad rows and the table of what was kept and why not are shown."""
    selecting.report_bad(reader, console)
    reasons = tuple(ledger.by_reason())
    counts: Counter[tuple[str, ...]] = Counter()
    for (reason, style, teacher, level), number in ledger.by_kind().items():
        counts.update({(style, teacher, reason): number, (level, reason): number})
    groups = sorted({key[:2] for key in counts if len(key) == 3})
    rows = [[*group, *(counts[(*group, reason)] for reason in reasons)] for group in groups[:SHOWN_ROWS]]
    rows.append(["all", "", *ledger.by_reason().values()])
    console.table("Paths by style, teacher and reason", ("style", "teacher", *reasons), rows)
    levels = [(level, *(counts[(level, reason)] for reason in reasons)) for level in coverage.by_level]
    console.table("Paths by difficulty of their question and reason", ("difficulty", *reasons), levels)
    console.table("Questions by paths kept", ("paths kept", "questions"), coverage.by_kept.items())
    if coverage.only_styles:
        styles = list(coverage.only_styles.items())[:SHOWN_ROWS]
        console.table("Questions kept in one style alone", ("style", "questions"), styles)
    if coverage.warning():
        console.say(str(coverage.warning()))
