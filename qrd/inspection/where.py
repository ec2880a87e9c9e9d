"""Conditions of --where: `style=cot`, `usage.cost_usd!=null`, `verdicts.0.judge=openai/gpt-4o`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from qrd.errors import ConfigError
from qrd.rows.records import Fields

Condition = Callable[[Fields], bool]
_CONDITION = re.compile(r"\s*([^=!\s]+)\s*(!?=)(.*)", re.DOTALL)


def condition(text: str) -> Condition:
    """The condition that a text states.

    A value that is JSON (12, true, null, "12") is compared as JSON, and any value as the text it is, so that
    `answer=72` finds the text 72 as well as the number. A field that is not there is null.
    Raises: ConfigError.
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise ConfigError(f"--where: found {text!r}, expected FIELD=VALUE or FIELD!=VALUE")
    field, sign, wanted = found[1], found[2], found[3].strip()
    values = _meanings(wanted)

    def holds(fields: Fields) -> bool:
        value = value_at(fields, field)
        return any(_same(value, meant) for meant in values) == (sign == "=")

    return holds


def value_at(fields: Any, dotted: str) -> Any:
    """What stands at `usage.cost_usd` or `verdicts.0.verdict`; None where there is nothing."""
    value = fields
    for name in dotted.split("."):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _meanings(text: str) -> list[Any]:
    try:
        return [text, msgspec.json.decode(text)]
    except msgspec.DecodeError:
        return [text]


def _same(value: Any, meant: Any) -> bool:
    """Equality of JSON, in which true is not 1."""
    return isinstance(value, bool) == isinstance(meant, bool) and bool(value == meant)
