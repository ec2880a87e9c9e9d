"""One record in one line: who, what kind, how it went, and its first words. Nothing of it can act on a terminal."""

from __future__ import annotations

from typing import Any, NamedTuple

from qrd.console import clean
from qrd.inspection.book import Entry
from qrd.inspection.kinds import PATHS
from qrd.rows.outcomes import UNGRADED, outcome_of
from qrd.rows.records import Fields

TEXT_CHARS = 400
TOLD_BY_KIND = {"question": ("question",), "failed request": ("error",), "bad": ()}
TOLD = ("response", "question", "error")


class Glance(NamedTuple):
    """The cells of a line, as a person reads them."""

    name: str
    style: str
    grade: str
    verdict: str
    text: str


def glance(entry: Entry) -> Glance:
    """The cells of a row; a row that is no whole record says why."""
    fields = entry.fields
    if entry.kind == "blank":
        return Glance("", "", "", "", "(blank line)")
    if entry.kind == "bad":
        return Glance(_word(fields.get("id")), "bad row", "", "", _word(entry.problem))
    style = fields.get("style") if entry.kind in PATHS else fields.get("model", entry.kind)
    verdict = fields.get("reject_reason") or fields.get("verdict")
    return Glance(_word(fields.get("id")), _word(style), _grade(fields), _word(verdict), _text(entry))


def title(fields: Fields) -> str:
    """What tells a reply from others to the same question, in a few words."""
    names = [fields.get("style"), fields.get("teacher") or fields.get("model"), f"sample {fields.get('sample', 0)}"]
    words = [_word(name) for name in names if name is not None]
    return "  ".join([*words, outcome_of(fields), *([_word(fields["verdict"])] if fields.get("verdict") else [])])


def name_of(fields: Fields) -> str | None:
    """The `path_id`, else the `id`, of a record as one plain word that is safe to paste; None where it has none."""
    name = fields.get("path_id") or fields.get("id")
    return " ".join(clean(name).split()) or None if isinstance(name, str) else None


def _text(entry: Entry) -> str:
    for name in TOLD_BY_KIND.get(entry.kind, TOLD):
        if isinstance(entry.fields.get(name), str):
            return _word(entry.fields[name])
    return _word(entry.raw[:TEXT_CHARS].decode("utf-8", "replace"))


def _word(value: Any) -> str:
    """A value on one line, cut."""
    text = "" if value is None else value if isinstance(value, str) else str(value)
    return " ".join(clean(text[:TEXT_CHARS]).split())


def _grade(fields: Fields) -> str:
    outcome = outcome_of(fields)
    return "" if outcome == UNGRADED else outcome
