"""Answers to a yes-or-no question: yes or no."""

from __future__ import annotations

from qrd.answers.reading.gloss import labels_in_english
from qrd.answers.reading.labels import Labels
from qrd.answers.reading.markers import plain, settle, unquoted

_REFUSAL = (
    r"(?:cannot|can't|can\s+not|could\s+not|impossible\s+to|unable\s+to|not\s+possible\s+to)\s+(?:be\s+)?"
    r"(?:\w{2,14}ly\s+)?(?:be\s+)?"
    r"(?:determine|determined|say|said|know|known|tell|conclude|concluded|answer|answered|decide|decided)"
)
_LABELS = Labels(
    {
        _REFUSAL: None,
        r"neither|unknown|undetermined|inconclusive|unclear|indeterminate|uncertain|maybe": None,
        r"(?:partially|partly|half)[\s-]+(?:true|false|correct|incorrect|yes|no)": None,
        r"yes\s*/\s*no|true\s*/\s*false": None,
        r"not\s+(?:necessarily|always|entirely)(?:\s+(?:true|yes))?|it\s+depends|depends": None,
        r"yes|true|yeah|yep|correct|accurate|right(?=\s*(?:[.!,;)]|$))": "yes",
        r"no(?!\s+(?:one|doubts?|question|wonder|matter)\b)|false|nope|untrue|not\s+(?:true|correct|accurate|right)|incorrect|inaccurate"
        r"|wrong(?=\s*(?:[.!,;)]|$))": "no",
    },
    subject=r"statement|claim|assertion|answer",
    opposite={"false": "yes", "true": "no", "correct": "no", "incorrect": "yes", "accurate": "no", "right": "no"},
    unknowable=_REFUSAL,
)


def _clean(line: str) -> str:
    return unquoted(plain(line), _LABELS.pattern)


def extract(text: str) -> str | None:
    """ "yes" or "no", whichever the text settles on; None where it settles on neither."""
    return settle(labels_in_english(text), clean=_clean, read=_LABELS.read)


def canonical(answer: str) -> str | None:
    """ "yes" or "no" for a gold answer in any of the usual words; None where it is neither."""
    return _LABELS.exact(answer)
