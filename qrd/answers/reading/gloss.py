"""Replies in other languages, with what announces an answer, joins two or takes one back said in English.

The answers' own words stay as they are, save those that are one of a few labels; so every reader behind this knows one
language, and its care about conditions, denials and corrections holds for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from qrd.answers.reading.envelopes import CUE
from qrd.answers.reading.languages import LABELS, ONLY_ANNOUNCED, SPACED, UNSPACED, Language

_LETTER = r"\(?(?-i:[A-Z])(?![a-zA-Z])"
_VALUE_NEXT = r"(?=[(“\"']?(?:(?-i:[A-Z])(?![a-zA-Z])|\d))"
_BEHIND_VALUE = r"(?<=[A-Z0-9)”\"'])"
_BEHIND_WORD = r"(?<=[\w)”\"'])"
_LOOK_BACK = 40
_GAP, _UNSPACED_GAP = 60, 12  # characters that may stand between "answer" and "is"
_DENIED = ". That is wrong"


class _Patterns(NamedTuple):
    """The patterns of one language, ready to search with."""

    announced: re.Pattern[str]
    chosen: re.Pattern[str]
    supposed: re.Pattern[str]
    wrong: re.Pattern[str]
    right: re.Pattern[str]
    behind: tuple[tuple[re.Pattern[str], str], ...]


@cache
def _compiled(language: Language) -> _Patterns:
    """The patterns of a language; words end where others begin in a script without blanks."""
    is_spaced = language in SPACED
    blank, start, end = (r"\s", r"(?<!\w)", r"(?!\w)") if is_spaced else (r"\s?", "", "")
    gap = _GAP if is_spaced else _UNSPACED_GAP
    lone_letter = r"(?<![a-zA-Z])(?-i:[A-Z])(?![a-zA-Z])"
    between = rf"(?:(?!{start}(?:{language.no}){end}|{lone_letter})[^.,:;!?=\n]){{0,{gap}}}?"
    verb = rf"{blank}(?:{language.verb}){end}[:\s]{{0,2}}"
    is_said = (
        rf"(?:[*_\"”']{{0,3}}\s?[:=\]]|{verb}|\s(?={_LETTER}\)?\s*(?:[.,!'’]|$|{language.tail}|{language.not_so})))"
    )
    denied = rf"(?P<no>{start}(?:{language.no}){end}{blank}(?=[\w(“\"'*$\\]))?"
    article = r"(?:(?:la|le|el|il|a|o|die|der|das|de|het|az?)\s|l['’]){0,1}" if is_spaced else ""
    option = rf"(?:{article}(?:{language.option}\s?)?(?={_LETTER}|\d))?"
    return _Patterns(
        announced=_pattern(rf"{start}(?:{language.answer}){end}{between}{is_said}[\s*_]{{0,4}}{denied}{option}"),
        chosen=_pattern(rf"{start}(?:{language.choose})[:\s]{{0,2}}{option}(?={_LETTER})"),
        supposed=_pattern(rf"{start}(?:{language.condition}){end}[^.,;!?\n]{{0,16}}$"),
        wrong=_pattern(rf"{start}(?:{language.wrong}){end}"),
        right=_pattern(
            rf"{start}(?:{language.option}\s?)?(?P<letter>(?<![a-zA-Z]){_LETTER}\)?){blank}(?:{language.right}){end}"
        ),
        behind=(
            (_pattern(rf"{_BEHIND_VALUE}{blank}(?:{language.either}){blank}{_VALUE_NEXT}"), " or "),
            (_pattern(rf"{_BEHIND_VALUE}{blank}(?:{language.both}){blank}{_VALUE_NEXT}"), " and "),
            (_pattern(rf"{_BEHIND_WORD}(?:{language.not_so})"), f"{_DENIED}. "),
            (_pattern(rf"{_BEHIND_VALUE}(?:{language.if_so})"), " only if "),
            (_pattern(rf"{_BEHIND_WORD}(?:{language.tail})"), ""),
        ),
    )


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.MULTILINE)


def _marks(language: Language) -> list[str]:
    return [mark.replace("_", " ") for mark in language.marks.split()]


_MARKS = {language: _marks(language) for language in (*SPACED, *UNSPACED)}
_ASCII_MARKS = {language: list(filter(str.isascii, marks)) for language, marks in _MARKS.items()}


def in_english(text: str) -> str:
    """The text with announcements of answers, and what bears on them, in English; untouched where it holds none."""
    lowered = text.lower()
    for language, marks in (_ASCII_MARKS if text.isascii() else _MARKS).items():
        if any(mark in lowered for mark in marks):
            patterns = _compiled(language)
            text = patterns.right.sub(r". option \g<letter> is the correct answer", patterns.wrong.sub(_DENIED, text))
            text = "".join(_line_in_english(line, patterns) for line in text.splitlines(keepends=True))
    return text


def _line_in_english(line: str, language: _Patterns) -> str:
    glossed = language.announced.sub(lambda match: _announcement(match, language), line)
    glossed = language.chosen.sub(lambda match: _announcement(match, language), glossed)
    if glossed == line:
        return line
    for pattern, english in language.behind:
        glossed = pattern.sub(english, glossed)
    return glossed


def _announcement(match: re.Match[str], language: _Patterns) -> str:
    """What the words that announce an answer say in English, with a condition before them and a "not" behind them."""
    if language.supposed.search(match.string[max(0, match.start() - _LOOK_BACK) : match.start()]):
        return " if the answer is "
    return " the answer is not " if match.groupdict().get("no") else f" {CUE}"


_ENGLISH = {word: label for label, words in LABELS.items() for word in words.split()}
_STATEMENTS = tuple(word for one in (*SPACED, *UNSPACED) for word in one.statement.split("|"))
_ASCII_STATEMENTS = tuple(filter(str.isascii, _STATEMENTS))
_LABEL_TAIL = r"(?:的|だ|です|である|입니다|이다)?(?!\w)"
_OPENING = r"[ \t\"'“(*_✅✔☑]{0,6}"
_OTHERWISE = re.compile(
    r"(?<!\w)(?:aber|doch|oder|pero|o|mais|ou|mas|ma|но|или|ale|lub|ama|fakat|veya|maar|of|men|eller|لكن|أو)(?!\w)"
    r"|但|不过|或|しかし|ただし|하지만|그러나|또는",
    re.IGNORECASE,
)


def _longest_first(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def _all_of(field: str) -> str:
    return "|".join(getattr(language, field) for language in (*SPACED, *UNSPACED))


@cache
def _announced_label() -> re.Pattern[str]:
    label = _longest_first(_ENGLISH)
    either = rf"(?:\s?(?:{_all_of('either')})\s?(?P<other>{label}){_LABEL_TAIL})?"
    return re.compile(  # begins with plain letters, since these are searched for much faster than ones of any case
        rf"(?P<head>[Aa](?<!\w[Aa])nswer(?i:\s+is|:)\s?(?i:not\s+)?{_OPENING})(?i:(?P<label>{label}){_LABEL_TAIL}{either})"
    )


@cache
def _said_label() -> re.Pattern[str]:
    spaced, unspaced = ("|".join(one.statement for one in some) for some in (SPACED, UNSPACED))
    subject = rf"(?:(?<!\w)(?:{spaced})|{unspaced})(?:[^.:;!?\n]{{0,40}}?\s?(?:{_all_of('verb')}))?\s?"
    return _pattern(
        rf"{subject}(?P<no>(?:{_all_of('no')})\s?)?{_OPENING}(?P<label>{_longest_first(_ENGLISH)}){_LABEL_TAIL}"
    )


_FIRST = re.compile(rf"(?P<head>{_OPENING})(?P<word>[^\s.,:;!?\"'“”()*_]+)(?P<rest>[\s.!\"'”)*_]*$|[.,:;!–—-].*$)")
_ALONE = {word: label for word, label in _ENGLISH.items() if word not in ONLY_ANNOUNCED}
_SUFFIX = re.compile(r"(?:的|だ|です|である|입니다|이다)$")


def labels_in_english(text: str) -> str:
    """The text with the labels of other languages in English: those announced, said of a statement, or alone in a line.

    A label that begins a line and is not alone counts where nothing behind it is another one, or a "but".
    """
    text = _announced_label().sub(_announced_in_english, text)
    lowered = text.lower()
    if any(word in lowered for word in (_ASCII_STATEMENTS if text.isascii() else _STATEMENTS)):
        text = _said_label().sub(lambda m: f"the statement is {'not ' if m['no'] else ''}{_label(m['label'])}", text)
    return "\n".join(map(_first_in_english, text.splitlines()))


def _label(word: str) -> str:
    return _ENGLISH[word.casefold()]


def _announced_in_english(match: re.Match[str]) -> str:
    other = f" or {_label(match['other'])}" if match["other"] else ""
    return f"{match['head']}{_label(match['label'])}{other}"


def _first_in_english(line: str) -> str:
    match = _FIRST.match(line)
    word = match["word"].casefold() if match else ""
    label = _ALONE.get(word) or _ALONE.get(_SUFFIX.sub("", word))
    if not match or not label:
        return line
    if _OTHERWISE.search(match["rest"]) or any(word.casefold() in _ENGLISH for word in match["rest"].split()):
        return line
    return f"{match['head']}{label}{match['rest']}"
