"""The light form of a number or expression, its unit, and its top-level parts; text only, nothing is computed."""

from __future__ import annotations

import re

MAX_CHARS = 1000

_GLYPHS = str.maketrans(
    {
        "−": "-",
        "–": "-",
        "—": "-",
        "×": "\\times ",
        "÷": "/",
        "∞": "\\infty ",
        "π": "\\pi ",
        "°": "^\\circ ",
        "≤": "\\le ",
        "≥": "\\ge ",
        "∪": "\\cup ",
        "·": "\\cdot ",
        "²": "^2",
        "³": "^3",
        "\u00a0": " ",
        "½": "\\frac{1}{2}",
        "¼": "\\frac{1}{4}",
        "¾": "\\frac{3}{4}",
    }
)
_FENCE = re.compile(r"^(?:\$+|\\\(|\\\[)\s*(.*?)\s*(?:\$+|\\\)|\\\])$", re.DOTALL)
_SPACING = re.compile(
    r"\\(?:left|right|bigl|bigr|Bigl|Bigr|big|Big|displaystyle|limits)(?![a-zA-Z])\s?|\\[!,;:>]|(?<!\\)\\(?=\s)|~|\\q?quad(?![a-zA-Z])"
)
_GROUPED = re.compile(r"^\s*\{([^{}]*)\}\s*$")
_FRACTION = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
_SHORT_FRACTION = re.compile(r"\\frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_SHORT_ROOT = re.compile(r"\\sqrt\s*(\d)(?!\d)")
_THOUSANDS = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,])")
_CURRENCY = re.compile(r"\\?[$€£¥]")
_COMMAND = re.compile(r"\\(?:le|ge|ne)q(?![a-zA-Z])|\\geqslant|\\leqslant")
_WORDS = r"\\(?:text|mbox|mathrm|textrm|textbf|textit|mathbf|rm)\s?"
_ONLY_WORDS = re.compile(rf"(?:{_WORDS}\{{([^{{}}]*)\}}|([A-Za-z][A-Za-z' ]+))")
_UNIT = re.compile(
    rf"(?<=[\d)}}iπ])\s*(?:{_WORDS}\{{\s*([^{{}}\d]*?)\s*\}}|(?<=[\d}})\s])([A-Za-z][A-Za-z./ ]*)"
    rf"|\^\s?\{{?\s*\\circ\s*\}}?\s*(?:[CF]\b)?)(?:\^\{{?[23]\}}?)?\s*$"
)
_KNOWN_UNITS = {
    alias: name
    for name, aliases in {
        "cm": "cm centimeter centimetre",
        "mm": "mm millimeter millimetre",
        "m": "m meter metre",
        "km": "km kilometer kilometre",
        "in": "in inch inche",
        "ft": "ft foot feet",
        "yd": "yd yard",
        "mi": "mi mile",
        "g": "g gram",
        "kg": "kg kilogram",
        "mg": "mg milligram",
        "lb": "lb pound",
        "oz": "oz ounce",
        "l": "l liter litre",
        "ml": "ml milliliter millilitre",
        "s": "s sec second",
        "min": "min minute",
        "h": "h hr hour",
        "day": "day",
        "week": "week",
        "month": "month",
        "year": "year yr",
        "mph": "mph",
        "dollar": "dollar usd",
        "cent": "cent",
        "degree": "degree deg",
        "percent": "percent pct",
        "gallon": "gallon",
        "rad": "rad radian",
        "am": "am a.m",
        "pm": "pm p.m",
    }.items()
    for alias in aliases.split()
}
_POWER = {"^2": "square ", "^3": "cubic "}
_FUNCTIONS = frozenset({"sin", "cos", "tan", "log", "ln", "sqrt", "exp", "pi", "infty"})
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


def normalise(expression: str) -> str | None:
    """The expression without fences, spacing commands, currency and thousands commas; None if nothing is left.

    None as well where it is over `MAX_CHARS` long: no answer is, and nothing downstream should have to read it.
    """
    if len(expression) > 4 * MAX_CHARS:
        return None
    text = expression.strip().translate(_GLYPHS).strip()
    while (inner := _FENCE.match(text)) and inner[1] != text:
        text = inner[1]
    text = _SPACING.sub(" ", _COMMAND.sub(lambda m: m[0][:3], text)).replace("{,}", ",")
    text = _SHORT_FRACTION.sub(
        lambda m: f"\\frac{{{m[1] if m[1] is not None else m[2]}}}{{{m[3] if m[3] is not None else m[4]}}}",
        _FRACTION.sub(r"\\frac", text),
    )
    text = _CURRENCY.sub("", _SHORT_ROOT.sub(r"\\sqrt{\1}", text)).replace("\\%", "%")
    if not re.match(r"\s*\\?[(\[{]", text):
        text = _THOUSANDS.sub(lambda m: m[0].replace(",", ""), text)
    text = _GROUPED.sub(r"\1", text)
    text = " ".join(text.split()).strip(" ,;:").removesuffix(".").strip()
    return text if text and len(text) <= MAX_CHARS else None


_SINGLE = re.compile(r"([_^])\{(\w)\}")
_LETTER = re.compile(r"^\(([A-Z])\)$")


def compact(expression: str) -> str:
    """The expression without its spaces and text wrappers: two answers that share it are the same answer."""
    words = re.sub(rf"{_WORDS}\{{\s*([^{{}}]*?)\s*\}}", r"\1", expression)
    words = _LETTER.sub(r"\1", _SINGLE.sub(r"\1\2", words))
    return re.sub(
        r" (?![a-zA-Z\d])|(?<![a-zA-Z\d]) |(?<=[a-zA-Z]) (?=\d)|(?<=\d) (?=[a-zA-Z])|(?<=[a-z]) (?=[a-z]\b)",
        "",
        words,
    ).strip()


def split_unit(expression: str) -> tuple[str, str]:
    """The quantity and its unit ("" where there is none): known units by one name, others in lower case."""
    match = _UNIT.search(expression)
    if not match or match.start() == 0:
        return expression, ""
    word = (match[1] if match[1] is not None else match[2] or "degree").strip(" .").lower()
    bare = match[2] is not None
    power = next((name for mark, name in _POWER.items() if match[0].rstrip(" }").replace("{", "").endswith(mark)), "")
    name = _named_unit(f"{power}{word}")
    if bare and (
        word in _FUNCTIONS or not (name or len(word) >= 4) or (len(word) == 1 and not match[0].startswith(" "))
    ):
        return expression, ""
    return expression[: match.start()].strip(), name or word


def _named_unit(words: str) -> str:
    """The one name of a known unit, with "square" or "cubic"; "" where the words are no known unit."""
    power = (
        "square "
        if re.search(r"\b(?:square|sq)\b", words)
        else "cubic "
        if re.search(r"\b(?:cubic|cu)\b", words)
        else ""
    )
    rest = re.sub(r"\b(?:square|sq|cubic|cu)\b\.?", "", words).strip(" .")
    name = _KNOWN_UNITS.get(rest) or _KNOWN_UNITS.get(rest.removesuffix("s"))
    return f"{power}{name}" if name else ""


def is_known_unit(unit: str) -> bool:
    """Whether the unit is one whose difference from another known unit makes two answers different."""
    return unit.rpartition(" ")[2] in _KNOWN_UNITS.values()


def words_of(expression: str) -> str | None:
    r"""The lower-case words of an answer in words ("\text{even}"); None where it is an expression."""
    match = _ONLY_WORDS.fullmatch(expression)
    if not match:
        return None
    words = " ".join((match[1] if match[1] is not None else match[2]).lower().split()).strip(" .")
    if match[2] is not None and (len(max(words.split(), key=len)) < 3 or words in _FUNCTIONS):
        return None
    return words


def split_top(expression: str, separator: str) -> list[str]:
    """The parts between separators that stand inside no bracket."""
    parts, depth, start, i = [], 0, 0, 0
    while i < len(expression):
        char = expression[i]
        if depth == 0 and expression.startswith(separator, i):
            parts.append(expression[start:i].strip())
            i += len(separator)
            start = i
            continue
        depth += (char in "([{") - (char in ")]}")
        i += 1
    return [*parts, expression[start:].strip()]


def unbracket(expression: str) -> tuple[str, str, str]:
    r"""The opening bracket, the inside and the closing bracket; both brackets "" where none encloses it all.

    An interval may open and close differently: "[1, 2)" gives "[", "1, 2", ")".
    """
    text = expression.replace("\\{", "\x01").replace("\\}", "\x03")
    if len(text) < 2 or text[0] not in "([\x01" or text[-1] not in ")]\x03":
        return "", expression, ""
    depth = 0
    for i, char in enumerate(text):
        depth += (char in "([{\x01") - (char in ")]}\x03")
        if depth == 0 and i < len(text) - 1:
            return "", expression, ""
    inner = text[1:-1].replace("\x01", "\\{").replace("\x03", "\\}").strip()
    return text[0].replace("\x01", "{"), inner, text[-1].replace("\x03", "}")
