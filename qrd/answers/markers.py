"""Where a reply settles on its answer: the statements of a text, the last one first.

A statement is a piece of one line together with what introduces it. This module knows nothing of tasks:
each task brings a reader that says what a statement amounts to, and `settle` takes the last firm one.
Every pattern here has bounded repeats, so that the time taken grows with the length of the reply and no faster.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple


class Cue(Enum):
    """What introduces a statement: a named answer, a mere turn of phrase, or nothing but the line itself."""

    ANSWER = "the answer is"
    TURN = "therefore"
    LINE = ""


class Statement(NamedTuple):
    """The words after a cue, up to the next cue or the end of the line, or a whole line.

    `num_below` counts the lines under it that are not blank; `first` holds where none is above it.
    """

    cue: Cue
    words: str
    num_below: int = 0
    first: bool = False


class Reading(NamedTuple):
    """What a statement settles on; `answer` is None where it settles on nothing ("either A or B").

    A reading that is not firm counts only where the reply holds no firm one.
    """

    answer: str | None
    firm: bool = True


Reader = Callable[[Statement], "Reading | None"]

_THINKING = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)
_NOUN = r"(?:answers?|conclusion|verdict|label|prediction|relationship|classification|solution)"
_CHOSEN = r"(?:best|correct|right|final|most\s+\w{1,20}|only\s+\w{1,20})\s+(?:choice|option|response|one|result)"
_VERB = r"(?:is|are|was|would\s+be|should\s+be|must\s+be|has\s+to\s+be|will\s+be|remains|becomes|equals)"
_CUES = re.compile(
    rf"(?P<answer>\b(?:{_NOUN}|{_CHOSEN})\b(?:\s*\([^()\n]{{1,30}}\))?"
    rf"(?:\s+(?:choice|option|letter))?(?:[^.:;!?=\n]{{0,80}}?\b{_VERB}\b\s*[:=]?|\s{{0,3}}[:=]|\s{{1,3}}-{{1,2}}\s)"
    r"|\b(?:I|we)(?:'d|\s+would|\s+will|\s+'ll)?\s+(?:choose|pick|select|go\s+with|answer|say)\b\s*:?"
    r"|^(?:choose|pick|select)\b"
    r"|^\s{0,3}(?:Q:.{0,200})?A:\s)"
    r"|(?P<turn>\b(?:therefore|thus|hence|so|consequently|overall|in\s+conclusion|in\s+short|finally|conclude(?:d|s)?)\b"
    r"\s*(?:[,:]\s*|that\s+|it\s+is\s+|it's\s+|it\s+must\s+be\s+){0,3}"
    r"|\b(?:actually|correction|scratch\s+that|I\s+meant?|wait|rather)\b\s*(?:[,:]\s*|it\s+is\s+|it's\s+"
    r"|it\s+should\s+be\s+|that\s+should\s+be\s+|should\s+be\s+){0,4}"
    r"|####\s{0,3})",
    re.IGNORECASE,
)
# What is denied by the one who says it; and, behind an answer, that it may be another one.
DOUBTED = (
    r"n['’]t\s+(?:think|believe|agree|say|mean)|\bnot\s+(?:think|believe)|\bunlikely|\bdoubtful|\b(?:I|we)\s+doubt"
)
BUT_MAYBE = (
    r",?\s*(?:but|though|although)\b[^.!?\n]{0,40}?\b(?:might|may|could)\s+(?:(?:also|well|equally|just)\s+){0,2}be\s+"
)
_IF_NOT_SO = re.compile(r"[^.!?\n]{0,120}\bif\b", re.IGNORECASE)
_CONDITION = re.compile(
    r"(?:\b(?:if|whether|suppose|assum(?:e|ing)|unless|when|until|why|before|not)\s+(?:[\w']+\s+){0,3}"
    rf"|(?:{DOUBTED})\s+(?:that\s+)?(?:\w+\s+)?)$",
    re.IGNORECASE,
)
_LEAD_CHARS = 60
_MAX_WORDS = 4000  # characters of a statement that a reader sees: more than any answer, and a bound on its time


def last_match(pattern: re.Pattern[str], text: str, start: int = 0) -> re.Match[str] | None:
    """The last match of the pattern in the text from `start` on; None without one."""
    return next(iter(deque(pattern.finditer(text, start), maxlen=1)), None)


def after_thinking(response: str) -> str | None:
    """The reply after its last thinking block; None where such a block was opened and never closed."""
    last = last_match(_THINKING, response)
    if last is None:
        return response
    return response[last.end() :] if last.group(1) else None


def is_supposed(before: str, words: str) -> bool:
    """Whether words are what would be so if something else were: "the answer would be" before "5 if it rained"."""
    return before.endswith("would be") and bool(_IF_NOT_SO.match(words))


def statements(text: str, clean: Callable[[str], str]) -> Iterator[Statement]:
    """Each statement of the text, the last first; `clean` removes from a line the markup its task ignores."""
    below = ""
    lines = [line for raw in text.splitlines() if raw.strip() and (line := clean(raw).strip())]
    for num_below, line in enumerate(reversed(lines)):
        end = len(line)
        for match in reversed(list(_CUES.finditer(line))):
            words = line[match.end() : end].strip() or (below if end == len(line) else "")
            cue = Cue.ANSWER if match.group("answer") else Cue.TURN
            lead = line[max(0, match.start() - _LEAD_CHARS) : match.start()]
            if not (_CONDITION.search(lead) or is_supposed(match[0].rstrip(" :"), words)):
                yield Statement(cue, words[:_MAX_WORDS], num_below)
            end = match.start()
        yield Statement(Cue.LINE, line[-_MAX_WORDS:], num_below, num_below == len(lines) - 1)
        below = line


def settle(text: str, *, clean: Callable[[str], str], read: Reader) -> str | None:
    """The answer the text settles on: the last firm reading, or else the last one that is not; None without any."""
    tentative: Reading | None = None
    for statement in statements(text, clean):
        reading = read(statement)
        if reading is None:
            continue
        if reading.firm:
            return reading.answer
        tentative = tentative or reading
    return tentative.answer if tentative else None


_WRAPPED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|emph|textrm)\s?\{([^{}]*)\}")
_BOXED = re.compile(r"\\(?:boxed|fbox)\s?\{([^{}]*)\}")
_NUMBERING = re.compile(r"^\s*(?:[>#*\-•]+\s+)?(?:(?:Step\s+)?\d{1,2}[.):]\s+)?(?=\D|$)")
_DECORATION = re.compile(r"\*+|__+|`+|\$+|\\[()\[\],;!]|^#{1,3}\s")


def plain(line: str) -> str:
    """The line as words: emphasis, maths fences and numbering gone, a boxed part said as "Answer: part."."""
    for _ in range(2):
        line = _WRAPPED.sub(r"\1", line)
    line = _BOXED.sub(r" Answer: \1. ", line)
    return _DECORATION.sub("", _NUMBERING.sub("", line))


_QUOTED = re.compile(r"[\"“]([^\"“”]{1,600})[\"”]")


def unquoted(line: str, keep: re.Pattern[str]) -> str:
    """The line with each quotation blanked out, save one that is nothing but a match of `keep`."""
    return _QUOTED.sub(lambda m: m[1] if keep.fullmatch(m[1].strip(" .,!")) else "it", line)
