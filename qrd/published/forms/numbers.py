"""Gold answers that are numbers, without thousands commas and currency signs."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:/[1-9]\d*)?%?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def plain_number(text: str) -> str | None:
    """`1234.5` for ` $1,234.5 `; None for a text that is no number."""
    bare = _THOUSANDS.sub("", text.strip().removeprefix("$").strip())
    return bare if _NUMBER.fullmatch(bare) else None
