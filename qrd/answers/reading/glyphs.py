"""A text as its reader sees it: invisible characters gone, look-alikes and full-width forms in plain ones.

Done once, before anything is looked for, so that no pattern behind it needs to know of more than one "B".
"""

from __future__ import annotations

import re
import unicodedata

# Soft hyphen, joiners, zero-width blanks, directions, fillers, variation selectors and tags: nothing of them is seen.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef]+"
)
_CYRILLIC = dict(zip("АВЕЅІЈКМНОРСТУХаеіјорсухѕԁԛԝһ", "ABESIJKMHOPCTYXaeijopcyxsdqwh", strict=True))
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo", strict=True))
_LATIN = _CYRILLIC | _GREEK
# For an expression, in which no word tells the script: Greek letters are left there, as names of their own.
CYRILLIC_IN_LATIN = str.maketrans(_CYRILLIC)
_LOOKALIKE = re.compile(f"[{''.join(_LATIN)}]")
_OTHER_LETTER = re.compile(f"(?![{''.join(_LATIN)}])[\u0370-\u03ff\u0400-\u052f]")
_WORD = re.compile(r"\w+")
_ASCII_LETTER = re.compile(r"[A-Za-z]")
_STYLED = re.compile("[\uff01-\uff5e\u249c-\u24e9\U0001d400-\U0001d7ff\U0001f110-\U0001f129\U0001f130-\U0001f149]")
_DIGIT = re.compile(r"(?![0-9])\d")
_PUNCTUATION = str.maketrans(
    {
        **dict(
            zip(
                "。｡।，、،：；؛！？؟",
                [". ", ". ", ". ", ", ", ", ", ", ", ": ", "; ", "; ", "! ", "? ", "? "],
                strict=True,
            )
        ),
        **dict(zip("【】〔〕「」『』", "[][]“”“”", strict=True)),
        **{chr(first + index): chr(ord("A") + index) for first in (0x1F150, 0x1F170) for index in range(26)},
    }
)


def visible(text: str) -> str:
    """The text without characters that show nothing."""
    return text if text.isascii() else _INVISIBLE.sub("", text)


def legible(text: str) -> str:
    """The text without invisible characters, its look-alikes and full-width forms made plain.

    A Cyrillic or Greek letter is a look-alike where it stands in a word with Latin ones, or where nothing else of the
    text is in its script: the "В" of a reply in Russian stays the third letter of its alphabet.
    """
    if text.isascii():
        return text
    text = _DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)
    text = _STYLED.sub(_compatible, visible(text).translate(_PUNCTUATION))
    if not _LOOKALIKE.search(text):
        return text
    return _WORD.sub(_unmixed, text) if _OTHER_LETTER.search(text) else _latin(text)


def _compatible(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0])


def _unmixed(word: re.Match[str]) -> str:
    return _latin(word[0]) if _ASCII_LETTER.search(word[0]) else word[0]


def _latin(text: str) -> str:
    return _LOOKALIKE.sub(lambda letter: _LATIN[letter[0]], text)
