"""Free answers in words, compared after case, punctuation, articles and spacing are set aside."""

from __future__ import annotations

import re
import unicodedata

from qrd.answers.reading.cues import Cue
from qrd.answers.reading.markers import Reading, Statement, plain, settle

_MAX_CHARS = 300
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = re.compile(r"(?<!\d)[.,:;]|[.,:;](?!\d)|[!?\"“”‘()\[\]{}]|(?<!\w)['’]|['’](?!\w)")
_UNDECIDED = re.compile(
    r"\b(?:either\b.{1,200}\bor\b|(?:cannot|can't|could\s+not|impossible\s+to|unable\s+to)\s+(?:be\s+)?(?:\w+ly\s+)?"
    r"(?:determine|say|know|tell|answer|identif)|I\s+(?:do\s+not|don't)\s+know|unknown$)",
    re.IGNORECASE,
)
_STOP = re.compile(r"(?<!\b[A-Z])(?<!\bMr)(?<!\bDr)(?<!\bSt)(?<!\bMs)(?<!\bMrs)[.!?](?=\s+[A-Z\"“(])")
_LEAD_IN = re.compile(r"(?:[\s,:;\-–—]+|(?:therefore|thus|so|hence)\b){1,6}", re.IGNORECASE)


def normalise(answer: str) -> str:
    """The answer for comparison: one case, one spacing, no articles, no punctuation but that inside numbers."""
    folded = unicodedata.normalize("NFKC", answer).casefold().replace("’", "'")
    return " ".join(_ARTICLE.sub(" ", _PUNCTUATION.sub(" ", folded)).split())


def _read(statement: Statement) -> Reading | None:
    """What the statement settles on: the sentence after a cue, or a line short enough to be an answer."""
    if statement.cue is Cue.TURN:
        return None
    lead = _LEAD_IN.match(statement.words) if statement.cue is Cue.ANSWER else None
    words = statement.words[lead.end() if lead else 0 :]
    stop = _STOP.search(words)
    sentence = words[: stop.start()] if stop else words
    answer = normalise(sentence)
    if not answer or len(sentence) > _MAX_CHARS:
        return None
    settled = not _UNDECIDED.search(sentence) and not answer.startswith("not ")
    end = len(statement.words) - len(words) + len(sentence)
    return Reading(answer if settled else None, firm=statement.cue is Cue.ANSWER, end=end)


def extract(text: str) -> str | None:
    """The announced answer, else the last short line, normalised; None where there is neither."""
    return settle(text, clean=plain, read=_read)


def canonical(answer: str) -> str | None:
    """The gold answer normalised; None where nothing of it is left."""
    return normalise(plain(answer)) or None
