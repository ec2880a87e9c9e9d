"""ANLI: `context` (the hub: `premise`), `hypothesis`, `label` e/n/c (the hub: 0/1/2), `uid`; in rounds R1 to R3.

Source: https://github.com/facebookresearch/anli, R1/train.jsonl and so on; facebook/anli on the hub.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from qrd.published.row import Published
from qrd.rows.records import Fields

LABELS = {
    "e": "entailment",
    "n": "neutral",
    "c": "contradiction",
    0: "entailment",
    1: "neutral",
    2: "contradiction",
    "entailment": "entailment",
    "neutral": "neutral",
    "contradiction": "contradiction",
}
_ROUND = re.compile(r"(?<![A-Za-z0-9])[rR]([123])(?![A-Za-z0-9])")


def question(row: Published) -> Fields:
    """The question of a row: the hypothesis, with the premise as its context.

    Raises: DataError.
    """
    label = row.fields.get("label")
    known = isinstance(label, (str, int)) and not isinstance(label, bool)
    if not known or label not in LABELS:
        raise row.problem("label", "e, n or c, or 0, 1 or 2")
    meta = {"source_id": row.source_id("uid", "id"), "round": _round(row.file)}
    return {
        "task": "nli",
        "context": row.text(row.first_of("context", "premise")),
        "question": row.text("hypothesis"),
        "answer": LABELS[label],
        "meta": meta,
    }


def _round(file: str) -> str | None:
    """`r2` for `anli_v1.0/R2/dev.jsonl` and for a split called `dev_r2`: the rows themselves do not say."""
    name = PurePath(file)
    found = _ROUND.search(name.name) or _ROUND.search(name.parent.name)
    return f"r{found[1]}" if found else None
