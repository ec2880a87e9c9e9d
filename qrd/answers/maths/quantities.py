"""The number or expression that a few words of prose announce, state or come to."""

from __future__ import annotations

import re

from qrd.answers.maths import units
from qrd.answers.maths.exact import number as exact_number
from qrd.answers.maths.latex import normalise
from qrd.answers.maths.measures import LEAD
from qrd.answers.maths.numerals import in_digits
from qrd.answers.maths.signs import in_latex
from qrd.answers.reading.markers import BUT_MAYBE, DOUBTED, Reading

_FENCED = re.compile(r"\$\$([^$]+)\$\$|(?<!\\)\$([^$]+?)(?<!\\)\$(?!\d)|\\\((.+?)\\\)|\\\[(.+?)\\\]")
_NUMBER = (
    r"(?:[-+−–]\s?)?(?:(?:\b(?:USD|EUR|GBP|JPY|CNY|INR|Rs\.?)|\\?[$€£¥₹])\s?)?(?:[-+−]\s?)?"
    r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|\.\d+)"
    r"(?:\s\d+/\d+|\s?/\s?\d+|:\d+|\s?\\?%)?"
)
_NUMBER_AT = re.compile(_NUMBER)
_LEAD_IN = re.compile(
    r"(?:[\s,:;=\-–—]*(?:therefore|thus|so|hence|that|it|is|are|equals?|only|just|exactly|simply|about|approximately"
    r"|roughly|a|the|total|of|number|equal|to|given\s+by|final|result|value|answer|be|must|approx\.?)\b[\s:]*){1,8}|[\s:=]+",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"(?<=\S)\s+\([^()]{0,300}\)|,?\s*\b(?:because|since|which|as|where|so|when|but|not|rather|from|i\.e\.|after|for)\b.*$",
    re.DOTALL,
)
_STOP = re.compile(r"(?<!\bRs)[.!?](?=\s|$)|;\s")
_HEDGE = re.compile(
    r"\b(?:either|between\s+[-$\\\d]|cannot|can't|unable|impossible\s+to|undetermined|not\s+enough|unknown|unclear|possibly|maybe|perhaps)\b"
    rf"|{DOUBTED}",
    re.IGNORECASE,
)
_OR_ELSE = re.compile(rf"{BUT_MAYBE}[-$\\(]{{0,3}}\d", re.IGNORECASE)
_ONLY_IF = re.compile(r"\bonly\s+(?:if|when)\b", re.IGNORECASE)
_BOUND = re.compile(r"(?:less|more|fewer|greater|larger|smaller|higher|lower)\s+than\b", re.IGNORECASE)
_FUNCTIONS = re.compile(r"\\[a-zA-Z]+|\b(?:sin|cos|tan|log|ln|pi|sqrt)\b")
_PROSE = re.compile(r"[A-Za-z]{2,}")
_UNIT_ONLY = re.compile(r"(?:\s?[a-zA-Z°]+[²³]?){0,3}")
_SENTENCES = re.compile(r"[.!?]\s+(?=[A-Z$])")
_CONTRAST = re.compile(r",?\s(?:because|since|rather\s+than|instead\s+of|but\s+not|not)\s|\s\((?![^()]*\)\s*[\d*/+=])")
_QUANTITY = re.compile(
    rf"\$[^$\n]{{1,300}}\$(?!\d)|\\\([^\n]{{1,300}}?\\\)|(?<![\w.^{{\\]){_NUMBER}(?!\d|(?:st|nd|rd|th)\b|\w*[{{_^])"
)
_SOLUTIONS = re.compile(
    rf"([a-zA-Z])\s?=\s?{_NUMBER}(?:(?:\s?,\s?|\s?,?\s(?:or|and)\s)(?:\1\s?=\s?)?{_NUMBER}(?![\d/]))+", re.IGNORECASE
)
_SAID = re.compile(
    r"(?:\bis|\bare|\bwas|\bequals?|\bbe|\bgets?|\bgives?|=|≈)\s*(?:now\s+|only\s+|indeed\s+|about\s+)?$"
)
_GOES_ON = re.compile(r"\s?(?:[*^+=]|/\s?\d)")
_FENCES = ("$", "\\(", "\\[")
_MAX_EXPRESSION = 400
_MAGNITUDES = {"dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_UNOPENED = re.compile(r"^\$(?!\s?[\d.-])|\$$")  # one end of a fence, and no price
_MONEY = re.compile(r"[^\d.]+")
_MAGNITUDE = re.compile(rf"\s+({'|'.join(_MAGNITUDES)})\b", re.IGNORECASE)
_SECOND = re.compile(rf"\s*,?\s+(?:or|and)\s+({_NUMBER})")
_DIGITS = re.compile(r"\d")
_FURTHER = re.compile(r"^/|[\d\\^=*+]|/(?![a-zA-Z])")
_FACTOR = re.compile(r"\s*(?:[a-zA-Z]\b(?!\s)|[-(,√π½⅓⅔¼¾⁰¹²³⁴-⁹⁻₀-₉])")
_COMMENT = re.compile(
    r"(?:.*\s)?(?:correct|valid|unique|verified|right|confirmed|reasonable|consistent|complete|incorrect|wrong|simple|clear"
    r"|below|above)",
    re.IGNORECASE,
)
_UNIT_WORDS = re.compile(
    rf"{_NUMBER}(?:\s+(?!(?:of|or|to|and|by|point|out|plus|minus|times|less|more)\b)[a-zA-Z]+){{0,2}}(?:,.*)?",
    re.DOTALL,
)
_REMARK = re.compile(rf"({_NUMBER}(?:\s?[a-zA-Z°]+[²³]?){{0,3}}),\s+([A-Za-z]{{2,}}\b[^\d\\$]*)")
# What goes on behind a comma with more than a remark: another answer, a further step, a doubt or a withdrawal.
_UNSETTLING = re.compile(
    r"\b(?:or|but|however|though|although|plus|minus|times|over|divided|multiplied|squared|if|when|unless|provided|assuming"
    r"|wrong|incorrect|mistake|no|not|n['’]t|wait|actually|rather|maybe|perhaps|possibly|respectively|remainder|one|two|three"
    r"|four|five|six|seven|eight|nine|ten|\w+teen|\w+ty)\b|^and\b",
    re.IGNORECASE,
)
_PLAIN_WORDS = re.compile(r"(?:\\text\s?\{)?\s*([A-Za-z][A-Za-z ]{0,40}?)\s*\}?")


def is_number(words: str) -> bool:
    """Whether the words are one number and nothing else."""
    return bool(_NUMBER_AT.fullmatch(words))


def announced(words: str) -> Reading | None:
    """The reading of the words after "the answer is", whose answer ends where their first sentence does."""
    stop = _STOP.search(words)
    reading = _announced_in(words[: stop.start()].strip() if stop else words.strip(), words)
    return reading._replace(end=stop.start()) if reading and stop else reading


def _announced_in(sentence: str, words: str) -> Reading | None:
    """The reading of the first sentence: a fenced expression, a number with its unit, or an expression."""
    bare = _ASIDE.sub("", sentence)
    if _HEDGE.search(bare) or _BOUND.match(bare) or _OR_ELSE.search(sentence) or _ONLY_IF.search(sentence):
        return Reading(None)
    if bare.lower().startswith("not "):
        return None
    opens = words.lstrip().startswith(_FENCES)
    fenced = _fenced(words if opens else sentence)
    if fenced and (opens or len(fenced) == 1):
        if _listed(words, fenced):
            return _one(", ".join(fenced))
        return _one(fenced[0] + _unit_behind(words if opens else sentence))
    lead = _LEAD_IN.match(bare)
    rest = _numeral(_UNOPENED.sub("", bare[lead.end() if lead else 0 :].strip(" :=*")))
    return _counted(rest) or _sided(rest) or _equated(rest) or _expression(rest) or _worded(rest)


def _numeral(words: str) -> str:
    """The words with the number that they begin with in digits, and without a remark behind it ("5, in total")."""
    numbered = in_digits(words)
    spelled = numbered != words and _UNIT_WORDS.fullmatch(numbered)
    kept = numbered if spelled else words
    remark = _REMARK.fullmatch(kept)
    return remark[1] if remark and not _UNSETTLING.search(remark[2]) else kept


def stated(words: str) -> Reading | None:
    """The reading of a line that is nothing but an answer."""
    stripped = words.strip().rstrip(".")
    if _SOLUTIONS.fullmatch(plain := stripped.replace("$", "")):
        return _one(", ".join(_NUMBER_AT.findall(plain)))
    fenced = _fenced(stripped)
    if len(fenced) == 1 and not _FENCED.sub("", stripped).strip(" .,"):
        return _one(fenced[0].rsplit("=", 1)[-1] if fenced[0].count("=") > 1 else fenced[0])
    number = _NUMBER_AT.match(stripped)
    return (
        _with_unit(number[0], stripped[number.end() :])
        if number and _UNIT_ONLY.fullmatch(stripped, number.end())
        else None
    )


def concluded(words: str) -> Reading | None:
    """The tentative reading of a closing sentence: its only quantity, the one after its last "=", or after its "is"."""
    sentence = _CONTRAST.split(_SENTENCES.split(words.strip())[-1].rstrip(". "))[0]
    found = [match for match in _QUANTITY.finditer(sentence) if match[0].strip("$ ")]
    if not found:
        return None
    last = found[-1]
    sole = len(found) == 1 or "=" in last[0] or _SAID.search(sentence[: last.start()])
    if _HEDGE.search(sentence) or not sole or _GOES_ON.match(sentence[last.end() :]):
        return Reading(None, firm=False)
    fenced = _fenced(last[0])
    reading = _with_unit((fenced[0] if fenced else last[0]).rsplit("=", 1)[-1], sentence[last.end() :])
    side = next((m for m in LEAD.finditer(sentence, 0, last.start()) if m.end() == last.start()), None)
    lead = f"{side[1].lower()} of " if side else ""
    return Reading(f"{lead}{reading.answer}", firm=False) if reading else None


def _fenced(words: str) -> list[str]:
    return [next(part for part in groups if part) for groups in _FENCED.findall(words)]


def _one(expression: str) -> Reading | None:
    normal = normalise(expression)
    return Reading(normal) if normal else None


def _with_unit(number: str, tail: str) -> Reading | None:
    """The reading of a number and of the unit that the words behind it begin with."""
    return _one(number + units.leading(in_latex(tail)))


def _unit_behind(words: str) -> str:
    """The unit that stands behind the first fenced expression; "" without any."""
    fence = _FENCED.search(words)
    return units.leading(in_latex(words[fence.end() :])) if fence else ""


def _listed(words: str, fenced: list[str]) -> bool:
    """Whether the fenced expressions stand in one list ("$2$ and $3$")."""
    rest = _FENCED.sub("", words.split(". ")[0])
    return len(fenced) > 1 and not re.sub(r"\b(?:and|or)\b|[\s,.]", "", rest)


def _counted(words: str) -> Reading | None:
    """The reading of words that begin with a number: alone, of millions, one of two, or with its unit."""
    head = _NUMBER_AT.match(words)
    if not head:
        return None
    tail = words[head.end() :]
    if (scale := _MAGNITUDE.match(tail)) and not _DIGITS.search(tail):
        return _scaled(head[0], scale[1].lower(), tail[scale.end() :])
    if second := _SECOND.fullmatch(tail):
        return _one(f"{head[0]}, {second[1]}")
    return None if _FURTHER.search(tail) or _FACTOR.match(tail) else _with_unit(head[0], tail)


def _scaled(number: str, magnitude: str, tail: str) -> Reading | None:
    """The reading of "1.2 million dollars": the number it comes to, and its unit."""
    money = _MONEY.match(number)
    exact = exact_number(number[money.end() :] if money else number)
    if exact is None:
        return None
    return _with_unit(f"{money[0] if money else ''}{exact.value * _MAGNITUDES[magnitude]}", tail)


def _sided(words: str) -> Reading | None:
    """The reading of "a loss of 5 dollars": the quantity, and the side it is on."""
    side = LEAD.match(words)
    counted = _counted(words[side.end() :]) if side else None
    return Reading(f"{side[1].lower()} of {counted.answer}") if side and counted and counted.answer else None


def _equated(words: str) -> Reading | None:
    """The reading of "3 + 4 = 7 apples": the number after the last equals sign."""
    after = words.rsplit("=", 1)[1].strip(" $") if "=" in words else ""
    number = _NUMBER_AT.match(after)
    tail = after[number.end() :] if number else "/"
    ends = number and not _FURTHER.search(tail) and (not tail.strip() or tail[0] in " °%")
    return _with_unit(number[0], tail) if number and ends else None


def _expression(words: str) -> Reading | None:
    """The reading of words that hold no prose, or that begin with a number and go on."""
    symbols = not _PROSE.search(_FUNCTIONS.sub("", words)) or _NUMBER_AT.match(words)
    return _one(words) if symbols and len(words) <= _MAX_EXPRESSION else None


def _worded(words: str) -> Reading | None:
    """The reading of a word or two ("even", "five apples"), else of the only number among the words."""
    if (plain := _PLAIN_WORDS.fullmatch(words)) and not _COMMENT.fullmatch(plain[1]):
        return _one(f"\\text{{{plain[1]}}}") if len(plain[1].split()) <= 3 else None
    numbers = _NUMBER_AT.findall(words)
    return _one(numbers[0]) if len(numbers) == 1 else None
