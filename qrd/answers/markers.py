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

    `num_below` counts the lines under it that are not blank; `first` holds where none is above it. `after` begins what
    stands behind the words: the rest of the line, or the line below.
    """

    cue: Cue
    words: str
    num_below: int = 0
    first: bool = False
    after: str = ""


class Reading(NamedTuple):
    """What a statement settles on; `answer` is None where it settles on nothing ("either A or B").

    A reading that is not firm counts only where the reply holds no firm one. `end` is where the answer ends within the
    words; None is their end.
    """

    answer: str | None
    firm: bool = True
    end: int | None = None


Reader = Callable[[Statement], "Reading | None"]

_NOUN = r"(?:answers?|conclusion|verdict|label|prediction|relationship|classification|solution)"
_CHOSEN = r"(?:best|correct|right|final|most\s+\w{1,20}|only\s+\w{1,20})\s+(?:choice|option|response|one|result)"
_VERB = r"(?:is|are|was|would\s+be|should\s+be|must\s+be|has\s+to\s+be|will\s+be|remains|becomes|equals)"
_CUES = re.compile(
    rf"(?P<answer>\b(?:{_NOUN}|{_CHOSEN})\b(?:\s*\([^()\n]{{1,30}}\))?"
    rf"(?:\s+(?:choice|option|letter))?(?:[^.:;!?=\n]{{0,80}}?\b{_VERB}\b\s*[:=]?|\s{{0,3}}[:=]|\s{{1,3}}-{{1,2}}\s)"
    r"|\b(?:I|we)(?:'d|\s+would|\s+will|\s+'ll)?\s+(?:choose|pick|select|go\s+with|answer|say)\b\s*:?"
    r"|^(?:choose|pick|select)\b"
    r"|\b(?:true\s+or\s+false|yes\s+or\s+no)\s{0,3}[:?]"
    r"|(?:->|→|=>|[,;(])\s{0,3}(?:now\s+)?(?:corrected|changed|revised|amended)\s+to\b"
    r"|\bI\s+(?:now\s+)?(?:change|correct|revise|amend)\s+(?:my\s+answer|that|this|it)\s+to\b"
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
# Behind an answer: what makes it hang on a condition or takes it back, and what puts another one beside it.
_FALTERING = (
    r"(?:(?:no|wait|actually|but|however|hmm|oops|sorry|oh|hold\s+on|on\s+second\s+thoughts?)\b[\s,:.!…–—-]{0,4}){0,4}"
)
_ITS_SUBJECT = r"(?:that|this|it|which|(?:my|that|this|the\s+above)\s+(?:answer|choice|result|conclusion))"
_MISTAKEN = (
    r"(?:wrong|incorrect|mistaken|false|untrue|invalid|an?\s+(?:mistake|error|slip)"
    r"|(?:not|n['’]t)\s+(?:right|correct|true|so|the\s+(?:right\s+|correct\s+)?(?:answer|one)))"
)
_WITHDRAWN = re.compile(
    r"\s*(?:->|→|=>)\s*(?:corrected|changed|revised|amended)\b"
    r"|[\s)\"'”]{0,4}[,;(]?\s?(?:but\s)?(?:only\s(?:if|when|where)|provided\sthat|assuming|as\slong\sas|unless)\b"
    r"|[\s.):]{0,4}[^.!?;\n]{0,200}?(?:[.!?;,:)\n—–]|\s-)[\s.)\"'”-]{0,4}"
    rf"{_FALTERING}(?:{_ITS_SUBJECT}(?:\s+(?:is|was|must\s+be|seems)|['’]s|(?=\s+isn))\s+(?:is(?=n))?(?:\w+ly\s+|just\s+)?{_MISTAKEN}"
    r"(?=\s*(?:[.,;:!)—–]|-\s|$|because\b|since\b|as\b))"
    r"|(?:that|this|it)\s+(?:cannot|can['’]t|could\s+not|couldn['’]t)\s+be(?:\s+(?:right|correct|true|so))?\s*(?:[.,;:!]|$)"
    r"|I\s+(?:was|am)\s+(?:wrong|mistaken)|I(?:['’]ve|\s+have)?\s+made\s+an?\s+(?:mistake|error)\b"
    r"|I\s+take\s+(?:that|this|it)\s+back|I\s+(?:retract|withdraw)\b|(?:scratch|strike)\s+that\b"
    r"|(?:wait|actually|hmm|oh)[\s,.…–—-]{0,4}no\s*(?:[.,;:!—–]|$)|no[\s,.…–—-]{1,4}wait\b)",
    re.IGNORECASE,
)
_BESIDE = re.compile(
    r"[\s.,;:)]{0,4}\(?\s?(?:(?:or|alternatively|otherwise|perhaps|maybe|possibly)\b[\s,:]{1,3}){1,3}", re.IGNORECASE
)
_LEAD_CHARS = 60
_AFTER_CHARS = 300
_MAX_WORDS = 4000  # characters of a statement that a reader sees: more than any answer, and a bound on its time


def last_match(pattern: re.Pattern[str], text: str, start: int = 0) -> re.Match[str] | None:
    """The last match of the pattern in the text from `start` on; None without one."""
    return next(iter(deque(pattern.finditer(text, start), maxlen=1)), None)


def is_supposed(before: str, words: str) -> bool:
    """Whether words are what would be so if something else were: "the answer would be" before "5 if it rained"."""
    return before.endswith("would be") and bool(_IF_NOT_SO.match(words))


def _is_withdrawn(statement: Statement, reading: Reading, read: Reader) -> bool:
    """Whether what stands behind the answer limits it ("only if"), takes it back ("That is wrong.") or adds "Or D."."""
    end = len(statement.words) if reading.end is None else reading.end
    behind = statement.words[end : end + _AFTER_CHARS] + statement.after
    if _WITHDRAWN.match(behind):
        return True
    beside = _BESIDE.match(behind)
    other = read(Statement(Cue.TURN, behind[beside.end() :].split("\n")[0].strip(" ().!"))) if beside else None
    return other is not None and other.firm and other.answer != reading.answer


def statements(text: str, clean: Callable[[str], str]) -> Iterator[Statement]:
    """Each statement of the text, the last first; `clean` removes from a line the markup its task ignores."""
    below = ""
    lines = [line for raw in text.splitlines() if raw.strip() and (line := clean(raw).strip())]
    for num_below, line in enumerate(reversed(lines)):
        end = len(line)
        for match in reversed(list(_CUES.finditer(line))):
            words = line[match.end() : end].strip() or (below if end == len(line) else "")
            cue = Cue.ANSWER if match.group("answer") else Cue.TURN
            after = f" {line[end : end + _AFTER_CHARS]}" if end < len(line) else f"\n{below[:_AFTER_CHARS]}"
            lead = line[max(0, match.start() - _LEAD_CHARS) : match.start()]
            if not (_CONDITION.search(lead) or is_supposed(match[0].rstrip(" :"), words)):
                yield Statement(cue, words[:_MAX_WORDS], num_below, after=after)
            end = match.start()
        first = num_below == len(lines) - 1
        yield Statement(Cue.LINE, line[-_MAX_WORDS:], num_below, first, f"\n{below[:_AFTER_CHARS]}")
        below = line


def settle(text: str, *, clean: Callable[[str], str], read: Reader) -> str | None:
    """The answer the text settles on: the last firm reading, or else the last one that is not; None without any."""
    tentative: Reading | None = None
    for statement in statements(text, clean):
        reading = read(statement)
        if reading is None:
            continue
        if reading.answer is not None and _is_withdrawn(statement, reading, read):
            reading = Reading(None, reading.firm)
        if reading.firm:
            return reading.answer
        tentative = tentative or reading
    return tentative.answer if tentative else None


_WRAPPED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|emph|textrm)\s?\{([^{}]*)\}")
_BOX = r"\\(?:boxed|fbox)\s?\{([^{}]*)\}"
_BOXED = re.compile(_BOX)
_BOXES = re.compile(
    rf"{_BOX}(?:[\s$]{{0,4}}(?:[,;/&]|,?\s?(?:or|and)\b)(?:\s(?:possibly|perhaps|maybe|also|else)\b)?[\s$]{{0,4}}{_BOX})*"
)
_NUMBERING = re.compile(r"^\s*(?:[>#*\-•]+\s+)?(?:(?:Step\s+)?\d{1,2}[.):]\s+)?(?=\D|$)")
_DECORATION = re.compile(r"\*+|__+|`+|\$+|\\[()\[\],;!]|^#{1,3}\s")


def _answer_in(boxes: re.Match[str]) -> str:
    """Boxes in one list as one announced answer: two that differ are joined, as in "A or B"."""
    contents = dict.fromkeys(inner.strip() for inner in _BOXED.findall(boxes[0]))
    return f" Answer: {' or '.join(contents)}. "


def plain(line: str) -> str:
    """The line as words: emphasis, maths fences and numbering gone, a boxed part said as "Answer: part."."""
    for _ in range(2):
        line = _WRAPPED.sub(r"\1", line)
    line = _BOXES.sub(_answer_in, line)
    return _DECORATION.sub("", _NUMBERING.sub("", line))


_QUOTED = re.compile(r"[\"“]([^\"“”]{1,600})[\"”]")


def unquoted(line: str, keep: re.Pattern[str]) -> str:
    """The line with each quotation blanked out, save one that is nothing but a match of `keep`."""
    return _QUOTED.sub(lambda m: m[1] if keep.fullmatch(m[1].strip(" .,!")) else "it", line)
