"""Answers to "does the premise bear out the statement?": entailment, neutral or contradiction."""

from __future__ import annotations

from qrd.answers.reading.gloss import labels_in_english
from qrd.answers.reading.labels import Labels
from qrd.answers.reading.markers import plain, settle, unquoted

_UNKNOWABLE = (
    r"(?:cannot|can't|can\s+not|could\s+not|impossible\s+to|unable\s+to|not\s+possible\s+to)\s+(?:be\s+)?"
    r"(?:\w{2,14}ly\s+)?(?:be\s+)?"
    r"(?:determine|determined|say|said|know|known|tell|conclude|concluded|confirm|confirmed|inferred|infer|answer|answered"
    r"|verified|verify|established|decide|decided)"
)
_LABELS = Labels(
    {
        r"neither(?:\s+(?:true|false|entail\w*|contradict\w*)(?:\s*,?\s+(?:n?or)\s+\w+)?)?|neutral(?:ity)?": "neutral",
        r"undetermined|inconclusive|indeterminate|unknown|undecided|uncertain|undeterminable|unclear|maybe": "neutral",
        _UNKNOWABLE: "neutral",
        r"(?:not\s+enough|insufficient|no)\s+information|not\s+(?:\w{2,12}ly\s+)?(?:stated|given|mentioned)": "neutral",
        r"not\s+necessarily\s+(?:true|false|entail\w*)": "neutral",
        r"(?:partially|partly|half)[\s-]+(?:true|false|correct|incorrect|yes|no)": None,
        r"not\s+true|untrue|not\s+correct|incorrect": "contradiction",
        r"entailment|entail(?:s|ed)|true|correct": "entailment",
        r"contradict(?:ion|s|ed|ory)|false": "contradiction",
        r"yes": "entailment",
        r"no(?!\s+(?:one|doubts?|question|wonder|matter)\b)": "contradiction",
    },
    subject=r"statements?|claim|hypothesis|assertion|sentence|answer|conclusion|premise|text|passage|context|it|question",
    opposite={},
    unknowable=_UNKNOWABLE,
    verbs=r"(?:entails|contradicts)",
)


def _clean(line: str) -> str:
    return unquoted(plain(line), _LABELS.pattern)


def extract(text: str) -> str | None:
    """The relation the text settles on; None where it settles on none of the three."""
    return settle(labels_in_english(text), clean=_clean, read=_LABELS.read)


def canonical(answer: str) -> str | None:
    """The relation a gold answer names; None where it names none."""
    return _LABELS.exact(answer)
