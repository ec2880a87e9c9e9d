"""Answers that are a number in Roman numerals."""

from __future__ import annotations

import re

_NUMERAL = re.compile(r"\b[IVXLCDM]+\b")


def extract(text: str) -> str | None:
    """The last numeral of the text; None where it has none."""
    found = _NUMERAL.findall(text)
    return found[-1] if found else None


def canonical(answer: str) -> str | None:
    """The gold numeral; None where it is none."""
    return answer if _NUMERAL.fullmatch(answer) else None
