"""Options that a reply lists line by line: which of them it checks, and whether it lists but one."""

from __future__ import annotations

import re

from qrd.answers.reading.envelopes import CUE

_CHECK = r"[✅✔☑✓🗹]|\[[xX✓✔]\]"
_CHECKED = re.compile(_CHECK)
_MARK = rf"(?:{_CHECK}|[❌✖✗✘❎☐]|\[\s?\])\s{{0,2}}"
_ITEM = re.compile(
    rf"^[ \t>*_•–-]{{0,8}}(?:{_MARK})?[*_]{{0,3}}\(?([A-Z])[.):]+[*_]{{0,3}}[ \t]+\S[^\n]*$", re.MULTILINE
)
_LONG_ENOUGH = 2


def letters_listed(text: str) -> set[str]:
    """The letters that begin a line of the text as an option's do ("B) a rubber tube")."""
    return {item[1] for item in _ITEM.finditer(text)}


def check_said(text: str) -> str:
    """The text with a list of options of which one is checked as that one's announcement; otherwise the text itself."""
    if not _CHECKED.search(text):
        return text
    checked = {item[1] for item in _ITEM.finditer(text) if _CHECKED.search(item[0])}
    if len(checked) != 1 or len(letters_listed(text)) < _LONG_ENOUGH:
        return text
    return _ITEM.sub(lambda item: f"{CUE}{item[1]}" if _CHECKED.search(item[0]) else "", text)
