"""The section on commands that ran: rows, time and money."""

from __future__ import annotations

from collections import Counter

from qrd.reports.document import Section, Table
from qrd.reports.facts.gathered import Gathered, Stage
from qrd.rows.records import Fields


def section(found: Gathered, summary: Fields) -> Section:
    """Cost and time of every stage that a manifest tells of."""
    part = Section("stages", "Cost and time")
    rows, seconds, cost = [], 0.0, 0.0
    for stage in found.stages:
        facts = stage.manifest
        spent = found.tokens.get(stage.command, Counter()) if _is_only(stage, found.stages) else Counter()
        seconds, cost = seconds + real(facts.get("seconds")), cost + real(facts.get("cost_usd"))
        tokens = [f"{spent[name]:,}" if spent[name] else "" for name in ("prompt_tokens", "completion_tokens")]
        if stage.command == "train":
            tokens = [_count(facts.get("tokens")), ""]
        rows.append(
            [
                stage.command,
                stage.file,
                _count(facts.get("rows_in")),
                _count(facts.get("rows_out")),
                *tokens,
                duration(real(facts.get("seconds"))),
                _money(facts.get("cost_usd")),
            ]
        )
    if rows:
        rows.append(["all", "", "", "", "", "", duration(seconds), _money(cost or None)])
        columns = ("stage", "wrote", "rows in", "rows out", "tokens read", "tokens written", "time", "US dollars")
        note = "Time is that of the run that finished the file; a run that was resumed took longer in all."
        part.tables = [Table("What each stage took", columns, rows, note, num_heads=2)]
    return part


def _is_only(stage: Stage, stages: list[Stage]) -> bool:
    return sum(other.command == stage.command for other in stages) == 1


def duration(seconds: float) -> str:
    """Seconds in words: 0.4 s, 41 s, 4 min 20 s, 3 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600:,} h {whole % 3600 // 60} min"


def real(value: object) -> float:
    """The value as a number; 0 where it is none."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _money(value: object) -> str:
    return f"{value:,.4f}" if isinstance(value, (int, float)) else ""
