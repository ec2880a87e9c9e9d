"""Where a reply settles on its answer: the statements of a text, the last one first.

A statement is a piece of one line together with what introduces it. This module knows nothing of tasks:
each task brings a reader that says what a statement amounts to, and `settle` takes the last firm one.
Every pattern here has bounded repeats, so that the time taken grows with the length of the reply and no faster.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from qrd.answers.reading.cues import Cue, cues_in


class Statement(NamedTuple):
    """The words after a cue, up to the next cue or the end of the line, or a whole line.

    `num_below` counts the lines under it that are not blank; `first` holds where none is above it. `after` begins what
    stands behind the words: the rest of the line, or the line below. `before` ends what stands before the cue, and
    `announced` is the cue itself.
    """

    cue: Cue
    words: str
    num_below: int = 0
    first: bool = False
    after: str = ""
    before: str = ""
    announced: str = ""


class Reading(NamedTuple):
    """What a statement settles on; `answer` is None where it settles on nothing ("either A or B").

    A reading that is not firm counts only where the reply holds no firm one. `end` is where the answer ends within the
    words; None is their end.
    """

    answer: str | None
    firm: bool = True
    end: int | None = None


Reader = Callable[[Statement], "Reading | None"]

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
_JUDGED = (
    r"(?:(?:very|above|first|initial|original|previous|earlier|last)\s+)?"
    r"(?:answer|choice|option|result|conclusion|verdict|label|prediction|classification|solution)(?:\s+above)?"
)
_ITS_SUBJECT = rf"(?:that|this|it|which|(?:my|that|this|the)\s+{_JUDGED})"
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
_ANOTHER = re.compile(
    r"(?:\b(?:my|your|that|this)\s+|\b(?:above|first|initial|original|previous|earlier|last)\s+)$", re.IGNORECASE
)
_JUDGEMENT = re.compile(
    rf"(?:is\s+|was\s+)?(?:\w+ly\s+|just\s+)?{_MISTAKEN}(?=\s*(?:[.,;:!)—–]|-\s|$|because\b|since\b|as\b))",
    re.IGNORECASE,
)
_BESIDE = re.compile(
    r"[\s.,;:)]{0,4}\(?\s?(?:(?:or|alternatively|otherwise|perhaps|maybe|possibly)\b[\s,:]{1,3}){1,3}", re.IGNORECASE
)
_LEAD_CHARS = 60
_AFTER_CHARS = 300
_NEAR_END = 1  # lines under a line beyond which no reader tells one place from another
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


def _is_meant(statement: Statement) -> bool:
    """Whether a statement is one of its own: not under a condition, and no judgement on an answer given before."""
    if _CONDITION.search(statement.before) or is_supposed(statement.announced.rstrip(" :"), statement.words):
        return False
    is_judgement = statement.cue is Cue.ANSWER and _JUDGEMENT.match(statement.words)
    return not (is_judgement and (_ANOTHER.search(statement.before) or " above" in statement.announced))


def _lines_upwards(text: str, clean: Callable[[str], str]) -> Iterator[tuple[str, bool]]:
    """Each line that is not blank once cleaned, the last first, and whether none is above it.

    Of a line said over and over, as by a model caught in a loop, the last three are given, and the first of a reply.
    """
    cleaned = cache(lambda raw: clean(raw).strip())  # a reply caught in a loop says one line ten thousand times
    lines = filter(None, map(cleaned, reversed(text.splitlines())))
    line: str | None = next(lines, None)
    below: str | None = None
    second_below: str | None = None
    while line is not None:
        above = next(lines, None)
        if above is None or not line == below == second_below:
            yield line, above is None
        line, below, second_below = above, line, below


def statements(text: str, clean: Callable[[str], str]) -> Iterator[Statement]:
    """Each statement of the text, the last first; `clean` removes from a line the markup its task ignores."""
    below = ""
    for num_below, (line, first) in enumerate(_lines_upwards(text, clean)):
        end = len(line)
        for match in reversed(list(cues_in(line))):
            words = line[match.end() : end].strip() or (below if end == len(line) else "")
            if words:
                cue = Cue.ANSWER if match.group("answer") else Cue.TURN
                after = f" {line[end : end + _AFTER_CHARS]}" if end < len(line) else f"\n{below[:_AFTER_CHARS]}"
                before = line[max(0, match.start() - _LEAD_CHARS) : match.start()]
                yield Statement(cue, words[:_MAX_WORDS], num_below, False, after, before, match[0])
            end = match.start()
        yield Statement(Cue.LINE, line[-_MAX_WORDS:], num_below, first, f"\n{below[:_AFTER_CHARS]}")
        below = line


def settle(text: str, *, clean: Callable[[str], str], read: Reader) -> str | None:
    """The answer the text settles on: the last firm reading, or else the last one that is not; None without any."""
    tentative: Reading | None = None
    unread: set[tuple[Cue, str, bool, bool]] = set()  # what was found to say nothing is not read again
    for statement in statements(text, clean):
        key = (statement.cue, statement.words, statement.num_below > _NEAR_END, statement.first)
        if key in unread:
            continue
        reading = read(statement)
        if reading is None:
            if statement.num_below > _NEAR_END or statement.cue is not Cue.LINE:
                unread.add(key)
            continue
        if not (reading.firm or tentative is None) or not _is_meant(statement):
            continue
        if reading.answer is not None and _is_withdrawn(statement, reading, read):
            reading = Reading(None, reading.firm)
        if reading.firm:
            return reading.answer
        tentative = reading
    return tentative.answer if tentative else None


_UNBRACED = re.compile(
    r"(\\(?:boxed|fbox))\s*(?:\(\s*)?([-+]?\$?\d+(?:[.,]\d+)*(?:/\d+)?(?:\\?%)?|[A-Za-z](?![A-Za-z]))(?:\s*\))?"
    r"(?=\s*(?:\$|[.,;:!?]|$|\\[)\]]|\s[a-zA-Z]{2}))",
    re.MULTILINE,
)


def braced(text: str) -> str:
    r"""The text with braces around what a box without any holds: "\boxed 7" as "\boxed{7}"."""
    return _UNBRACED.sub(r"\1{\2}", text) if "\\boxed" in text or "\\fbox" in text else text


_WRAPPED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|emph|textrm)\s?\{([^{}]*)\}")
_BOX = r"\\(?:boxed|fbox)\s?\{([^{}]*)\}"
_BOXED = re.compile(_BOX)
_BOXES = re.compile(
    rf"{_BOX}(?:[\s$]{{0,4}}(?:[,;/&]|,?\s?(?:or|and)\b)(?:\s(?:possibly|perhaps|maybe|also|else)\b)?[\s$]{{0,4}}{_BOX})*"
)
_NUMBERING = re.compile(r"^\s*(?:[>#*\-•]+\s+)?(?:[✅✔☑✓👉➡🎯]\s*)?(?:(?:Step\s+)?\d{1,2}[.):]\s+)?(?=\D|$)")
_DECORATION = re.compile(r"\*+|__+|`+|\$+|\\[()\[\],;!]|^#{1,3}\s")


def _answer_in(boxes: re.Match[str]) -> str:
    """Boxes in one list as one announced answer: two that differ are joined, as in "A or B"."""
    contents = dict.fromkeys(inner.strip() for inner in _BOXED.findall(boxes[0]))
    return f" Answer: {' or '.join(contents)}. "


def plain(line: str) -> str:
    """The line as words: emphasis, maths fences and numbering gone, a boxed part said as "Answer: part."."""
    if "\\" in line:
        line = _unwrapped(line)
    return _DECORATION.sub("", _NUMBERING.sub("", line))


def _unwrapped(line: str) -> str:
    """The line with commands of LaTeX as what they hold, and a box as an announcement."""
    line = braced(line)
    for _ in range(2):
        line = _WRAPPED.sub(r"\1", line)
    return _BOXES.sub(_answer_in, line)


_QUOTED = re.compile(r"[\"“]([^\"“”]{1,600})[\"”]")


def unquoted(line: str, keep: re.Pattern[str]) -> str:
    """The line with each quotation blanked out, save one that is nothing but a match of `keep`."""
    return _QUOTED.sub(lambda m: m[1] if keep.fullmatch(m[1].strip(" .,!")) else "it", line)
