"""What a reply thinks and what it answers, told apart by the tags of the models that write both in one text.

Whoever reads a reply needs the same cut: grading reads the answer alone, a judge sees what is trained on, and data from
elsewhere is stored in two fields. Nothing is lost: what is not answer is thought, save the tags between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple


class Split(NamedTuple):
    """The thoughts of a reply ("" without any) and its answer: None where the reply never left its thoughts."""

    thoughts: str
    answer: str | None


class _Move(Enum):
    OPEN = "into the thoughts"
    CLOSE = "out of them"
    FINAL = "to the answer, whatever was open"
    DROP = "nowhere: it is no part of what is said"


class _Tag(NamedTuple):
    """One tag of the text: its name, what it does, and where it stands."""

    move: _Move
    name: str
    start: int
    end: int


_MAIN = "think"
_CHANNEL = "channel"
_NAMES = r"think(?:ing)?|thoughts?|reasoning|rationale|reflection|scratch_?pad|analysis|monologue"
_TAG = re.compile(
    rf"(?:<|&lt;)\s?(?P<slash>/?)\s?(?:\w{{1,20}}[:_])?(?P<name>{_NAMES})(?:\s[^<>\n]{{0,100}})?\s?(?:>|&gt;)"
    r"|\[(?P<bracket>/?)think(?:ing)?\]"
    r"|◁(?P<triangle>/?)think▷"
    r"|<\|(?P<pipe>/?)think(?:ing)?\|>"
    r"|<\|(?:(?P<begin>begin_of|start)|(?:end_of|end))_(?:thoughts?|thinking)\|>"
    r"|(?P<solution><\|(?:begin_of_solution|start_response)\|>)"
    r"|<\|channel\|?>\s{0,3}(?P<channel>\w{0,20})(?:[^<\n]{0,80}(?:<\|constrain\|>\s?\w{0,20}\s?)?<\|message\|>)?"
    r"|(?P<close><channel\|>|<unused95>)"
    r"|(?P<unused><unused94>(?:thought)?)"
    r"|(?P<drop><\|end\|>(?:<\|start\|>\w{0,20})?|<\|return\|>|<\|end_of_solution\|>|<\|end_response\|>)",
    re.IGNORECASE,
)
_BRACKET = re.compile(r"[<\[◁&]")  # begins every tag, and is found far sooner than one of so many
_ANSWERING = frozenset({"final", "answer", "response"})
# Models whose markers are words: gpt-oss where its special tokens are dropped ("analysisWe add…assistantfinal12"),
# and Granite's headings. They count only where the reply begins with one.
_SPOKEN = re.compile(r"\s{0,9}(?:analysis(?=[A-Z\"'(])|Here(?:['’]s|\s+is)\s+my\s+thought\s+process:)")
_SPOKEN_END = re.compile(r"assistant\s{0,2}final|Here(?:['’]s|\s+is)\s+my\s+response:")
_FENCED = re.compile(r"^[ \t]{0,3}(?:```|~~~).*?^[ \t]{0,3}(?:```|~~~)", re.DOTALL | re.MULTILINE)
_QUOTES = "`\"'“”‘’«»「」"
_TALKED_OF = re.compile(r" (?:tags?|tokens?|blocks?|elements?|markers?|delimiters?|sections?)\b")


def split_thoughts(text: str) -> Split:
    """The thoughts and the answer of a reply.

    A closing tag without an opening one ends thoughts that began with the reply; thoughts opened and never closed hold
    all the rest, so that there is no answer. Tags in quotation marks, in code or called "tags" are words like others.
    Example: "<think>5 + 7</think>\\n\\n12" gives ("5 + 7", "12"), and "[THINK]5 + 7" gives ("5 + 7", None).
    """
    splitter = _Splitter(text)
    for tag in _tags(text):
        splitter.take(tag)
    return splitter.split()


def _tags(text: str) -> Iterator[_Tag]:
    """Each tag of the text that is not merely talked of."""
    if spoken := _SPOKEN.match(text):
        yield _Tag(_Move.OPEN, _CHANNEL, 0, spoken.end())
        if ending := _SPOKEN_END.search(text, spoken.end()):
            yield _Tag(_Move.FINAL, _CHANNEL, ending.start(), ending.end())
    position = 0
    while bracket := _BRACKET.search(text, position):
        match = _TAG.match(text, bracket.start())
        position = match.end() if match else bracket.end()
        if match and not _is_talked_of(text, match):
            yield _tag(match)


def _is_talked_of(text: str, match: re.Match[str]) -> bool:
    quoted = match.start() and text[match.start() - 1] in _QUOTES and text[match.end() : match.end() + 1] in _QUOTES
    return bool(quoted and match.end() < len(text)) or bool(_TALKED_OF.match(text, match.end()))


def _tag(match: re.Match[str]) -> _Tag:
    name, move = _MAIN, _Move.CLOSE
    groups = match.groupdict()
    if groups["channel"] is not None:
        name = _CHANNEL
        move = _Move.FINAL if groups["channel"].lower() in _ANSWERING else _Move.OPEN
    elif groups["solution"]:
        move = _Move.FINAL
    elif groups["drop"]:
        move = _Move.DROP
    elif groups["close"]:
        name = _CHANNEL
    elif groups["name"]:
        name = _one_name(groups["name"])
        move = _Move.CLOSE if groups["slash"] else _Move.OPEN
    elif groups["begin"] or groups["unused"] or "" in (groups["bracket"], groups["triangle"], groups["pipe"]):
        name, move = _CHANNEL if groups["unused"] else _MAIN, _Move.OPEN
    return _Tag(move, name, match.start(), match.end())


def _one_name(name: str) -> str:
    """One name for the tags that models mix up ("<thought>…</thinking>")."""
    return _MAIN if name.lower().startswith(("think", "thought")) else name.lower()


class _Splitter:
    """What was thought and answered up to some place of the text, and which tags are open there."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[str] = []
        self._thoughts: list[str] = []
        self._answer: list[str] = []
        self._position = 0
        self._fences: Iterator[re.Match[str]] = _FENCED.finditer(text)
        self._fence: re.Match[str] | None = None
        self._quoted_to = 0

    def take(self, tag: _Tag) -> None:
        """Nothing; what stands before the tag is taken in, and the tag counts for what follows."""
        if tag.start < self._quoted_to or self._is_in_code(tag):
            return
        match tag.move:
            case _Move.OPEN:
                self._begin(tag)
            case _Move.CLOSE:
                self._finish(tag)
            case _Move.FINAL:
                self._leave(tag)
            case _Move.DROP:
                self._cut(tag)

    def split(self) -> Split:
        """The two parts, with what stands behind the last tag."""
        if not self._thoughts and not self._open and not self._position:
            return Split("", self._text)
        (self._thoughts if self._open else self._answer).append(self._text[self._position :])
        thoughts = "\n\n".join(part.strip() for part in self._thoughts if part.strip())
        answer = "\n\n".join(part.strip() for part in self._answer if part.strip())
        return Split(thoughts, None if self._open else answer)

    def _is_in_code(self, tag: _Tag) -> bool:
        """Whether a tag of the answer stands in a block of code; then all tags of that block do."""
        if self._open or tag.move is not _Move.OPEN:
            return False
        while self._fence is None or self._fence.end() < tag.start:
            if (fence := next(self._fences, None)) is None:
                return False
            self._fence = fence
        if not self._fence.start() < tag.start or not self._text[: self._fence.start()].strip():
            return False
        self._quoted_to = self._fence.end()
        return True

    def _begin(self, tag: _Tag) -> None:
        between = self._text[self._position : tag.start]
        if self._open[-1:] == [tag.name] and (tag.name == _CHANNEL or not between.strip()):
            return  # a template's opening tag said again by the model, or one channel behind another
        if not self._open:
            self._answer.append(between)
            self._position = tag.end
        self._open.append(tag.name)

    def _finish(self, tag: _Tag) -> None:
        if tag.name in self._open:
            while self._open.pop() != tag.name:
                pass
            if not self._open:
                self._thoughts.append(self._text[self._position : tag.start])
                self._position = tag.end
        elif not self._open or tag.name == _MAIN:
            self._leave(tag)

    def _cut(self, tag: _Tag) -> None:
        (self._thoughts if self._open else self._answer).append(self._text[self._position : tag.start])
        self._position = tag.end

    def _leave(self, tag: _Tag) -> None:
        """All that stands before the tag is thought."""
        self._thoughts += [*self._answer, self._text[self._position : tag.start]]
        self._answer.clear()
        self._open.clear()
        self._position = tag.end
