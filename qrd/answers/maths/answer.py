"""Answers that are a number or an expression: found in the reply and written in one light form.

What two forms amount to is decided in `values` (exact arithmetic, at once) and `symbols` (computer algebra, in a
process that can be killed).
"""

from __future__ import annotations

import re

from qrd.answers.maths import symbols, values
from qrd.answers.maths.latex import normalise
from qrd.answers.maths.quantities import announced, concluded, is_number, stated
from qrd.answers.reading.cues import Cue
from qrd.answers.reading.markers import Reading, Statement, braced, settle

_BRACES = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|\{|\}", re.DOTALL)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_BETWEEN_BOXES = re.compile(
    r"[\s$,;]*(?:\\text\s?\{)?\s*(?:,|;|and|or|\\quad|)\s*(?:possibly|perhaps|maybe)?\s*\}?[\s$]*(?:[a-zA-Z]\s*=\s*)?[\s$]*"
)
_MAX_BETWEEN = 40
_MAX_LIST = 400
_BOXED_CUE = "\x02"
_EMPHASIS = re.compile(r"(?<![\w)}\]])\*\*|\*\*(?![\w(\\{\[])|^\s{0,3}#{1,3}\s+|(?<!\w)__(?=\S)|(?<=\S)__(?!\w)|`")
_BULLET = re.compile(r"^\s*(?:[>*•]\s+)?(?:\d{1,2}[.)]\s+(?=\D))?")
_UNIT_POWER = re.compile(r"\$\^\{?([23])\}?\$")
_EMPTY = re.compile(
    r"[\s$]*(?:\\(?:text|mathrm)\s?\{)?\s*(?:\.{2,}|…|\\[lc]?dots|_+|\?|(?:your\s+|final\s+|the\s+)*answer(?:\s+here)?)?\s*\}?[\s$]*",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"\s*(?:\\(?:approx|sim|simeq)(?![a-zA-Z])|≈|~)\s*")
_NEGATIVE = re.compile(
    r"(?:\bnegative|(?<=\bis )minus|(?<=\bbe )minus|(?<=: )minus|(?<== )minus)\s+(\$?)(?=[\d.])", re.IGNORECASE
)
_CLOSING_LINES = 1  # lines under a line that may still be read as the conclusion


def _boxes(text: str) -> list[tuple[int, int, int]]:
    """The start, inner start and inner end of each closed, outermost box, in order; one pass over the braces."""
    stack: list[tuple[int, int] | None] = []
    found: list[tuple[int, int, int]] = []
    for match in _BRACES.finditer(text):
        token = match[0]
        if token[-1] == "{" and token != "\\{":
            stack.append((match.start(), match.end()) if len(token) > 1 else None)
        elif token == "}" and stack and (opened := stack.pop()):
            while found and found[-1][0] > opened[0]:
                found.pop()
            found.append((*opened, match.start()))
    return found


def _joins(between: str) -> bool:
    """Whether the text between two boxes makes one list of them."""
    return len(between) < _MAX_BETWEEN and bool(between.strip("$ \n") and _BETWEEN_BOXES.fullmatch(between))


def _flatten(text: str) -> str:
    """The text with each box as a marked line of its own, neighbours joined by "and", "or" or commas as one."""
    parts: list[str] = []
    position = 0
    for start, inner, end in _boxes(text):
        content = _BOX.sub("{", text[inner:end]).replace("\n", " ")
        between = text[position:start]
        if _EMPTY.fullmatch(content):  # of an instruction said again
            parts.append(between.rstrip("$ "))
        elif parts and len(parts[-1]) < _MAX_LIST and _joins(between):
            parts[-1] = f"{parts[-1].rstrip()}, {content}\n"
        else:
            parts += [between.rstrip("$ "), f"\n{_BOXED_CUE}{content}\n"]
        position = end + 1
    return "".join([*parts, text[position:]])


def _clean(line: str) -> str:
    """The line without emphasis, bullet and the dollars around a unit's power ("cm$^2$")."""
    if line.startswith(_BOXED_CUE):
        return line
    return _EMPHASIS.sub("", _BULLET.sub("", _UNIT_POWER.sub(r"^\1", line)))


def _read(statement: Statement) -> Reading | None:
    """What the statement settles on: a box before all, then what a cue announces, then the line itself."""
    words = statement.words
    if words.startswith(_BOXED_CUE):
        about = _ABOUT.match(words, 1)
        return Reading(normalise(words[about.end() if about else 1 :]))
    if statement.cue is Cue.ANSWER:
        return announced(words)
    if statement.cue is Cue.TURN:
        return stated(words) if is_number(words.strip().rstrip(".")) else None
    if statement.num_below > _CLOSING_LINES and not statement.first:
        return None
    bare = stated(words)
    if bare and (statement.num_below == 0 or statement.first):
        return bare
    return concluded(words) if statement.num_below <= _CLOSING_LINES else None


def extract(text: str) -> str | None:
    """The number or expression the text settles on, lightly normalised; None where it settles on none."""
    return settle(_unclosed_cut(_flatten(_signed(braced(text)))), clean=_clean, read=_read)


def _signed(text: str) -> str:
    """The text with "negative" and a minus in words as the sign of the number behind them."""
    return _NEGATIVE.sub(r"\1-", text) if "egative" in text or "minus" in text else text


def _unclosed_cut(text: str) -> str:
    """The text with a box that never closes as an empty one: a reply cut inside its answer has none."""
    last = text.rfind("\\boxed{")
    return text if last < 0 else f"{text[:last]}\n{_BOXED_CUE}"


def canonical(answer: str) -> str | None:
    """The gold answer lightly normalised; None where nothing of it is left."""
    flat = _flatten(answer)
    boxed = [line[1:] for line in flat.splitlines() if line.startswith(_BOXED_CUE)]
    return normalise(boxed[-1] if boxed else answer)


def compare(prediction: str, gold: str) -> bool | None:
    """Whether two answers amount to the same; None where only computer algebra can tell."""
    told = values.compare(prediction, gold)
    if told is None and (symbols.too_costly(prediction) or symbols.too_costly(gold)):
        return False
    return told
