"""The light form of a number or expression, and its top-level parts; text only, nothing is computed."""

from __future__ import annotations

import re

from qrd.answers.maths.numerals import BELOW_TWENTY
from qrd.answers.maths.signs import in_latex

MAX_CHARS = 1000
MAX_DEPTH = 24

_FENCE = re.compile(r"^(?:\$+|\\\(|\\\[)\s*(.*?)\s*(?:\$+|\\\)|\\\])$", re.DOTALL)
_SPACING = re.compile(
    r"\\(?:left|right|bigl|bigr|Bigl|Bigr|big|Big|displaystyle|limits)(?![a-zA-Z])\s?|\\[!,;:>]|(?<!\\)\\(?=\s)|~|\\q?quad(?![a-zA-Z])"
)
_GROUPED = re.compile(r"^\s*\{([^{}]*)\}\s*$")
_FRACTION = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
_SHORT_FRACTION = re.compile(r"\\frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_SHORT_ROOT = re.compile(r"\\sqrt(\[\d{1,3}\])?\s*(?:(\d+(?:\.\d+)?|(?!\\)[a-zA-Z](?![a-zA-Z]))|\(([^()]*)\))")
# A comma or blank that only groups digits: "1{,}000", "1,\! 000", "12\,000", "12 000".
_GROUPING = re.compile(r"(?<=\d)(?:\{,\}|,?\s*\\!\s*|\\[,;:]\s*)(?=\d{3}(?!\d))")
_SPACED = re.compile(r"(?<![\d.,_^{/:])\d{1,3}(?: \d{3})+(?! ?[\d/]| *\\frac)")
_SIGN_BEHIND_CURRENCY = re.compile(r"\\([$€£¥₹])")
_COMMAND = re.compile(r"\\(?:le|ge|ne)q(?![a-zA-Z])|\\geqslant|\\leqslant")
TEXT = r"\\(?:text|mbox|mathrm|textrm|textbf|textit|mathbf|mathsf|mathit|boldsymbol|bm|operatorname|rm)\s?"
# Set upright or bold for looks alone: digits, e and i anywhere, a letter where no number stands before it (a unit).
_STYLED = re.compile(rf"{TEXT}\{{\s*([\d.,/+\- ]+|[ei])\s*\}}|(?<![\da-zA-Z}}){{ ]){TEXT}\{{([a-zA-Z])\}}")
_ONLY_WORDS = re.compile(rf"(?:{TEXT}\{{([^{{}}]*)\}}|([A-Za-z][A-Za-z' \-]+))")
_APPROXIMATE = re.compile(
    r"(?:\\(?:approx|simeq|sim|thickapprox)(?![a-zA-Z])|~|(?:about|approximately|roughly|approx\.?)\s)\s*"
)
_PLAIN_CONSTANTS = {"pi": "\\pi ", "infinity": "\\infty ", "inf": "\\infty ", "oo": "\\infty "}
_PLAIN_FUNCTIONS = "arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|ln|log|exp|sqrt"
_PLAIN = re.compile(
    rf"{TEXT}\{{[^{{}}]*\}}|(?<![\\A-Za-z])(?:({'|'.join(_PLAIN_CONSTANTS)})(?![A-Za-z])"
    rf"|({_PLAIN_FUNCTIONS})(?=\s?[(\\{{\d^_]|\s?[a-zA-Z](?![a-zA-Z])))"
)
_EXPONENTIAL = re.compile(r"\\exp\s*\(([^()]*)\)")
_PLAIN_SIGNS = {"**": "^", "<=": "\\le ", ">=": "\\ge ", "!=": "\\ne ", "+/-": "\\pm ", "+-": "\\pm "}
_PLAIN_SIGN = re.compile(r"\*\*|<=|>=|(?<=\s)!=|\+/-|\+-(?=\s?\d)")
_LONG_POWER = re.compile(r"\^\s*(-?\d{2,}(?![\d.])|-\d|\(([^()]*)\))")
_FUNCTIONS = frozenset({"sin", "cos", "tan", "log", "ln", "sqrt", "exp", "pi", "infty", "theta", "inf"})


_BASES = {word: str(value) for word, value in BELOW_TWENTY.items() if value > 1}
_BASES |= {"binary": "2", "octal": "8", "hexadecimal": "16"}
_BASE = rf"(\d{{1,2}}|{'|'.join(_BASES)})"
_BASED = re.compile(
    rf"([0-9A-Fa-f]+)\s*(?:_\s?\{{?\s*(?:{TEXT}\{{)?\s*\(?(?:base[\s-]?(?:\}}\s*)?)?{_BASE}\)?\s*\}}?\s*\}}?"
    rf"|\s*(?:{TEXT}\{{\s*|(?<=\s))\(?(?:in\s)?base[\s-](?:\}}\s*)?{_BASE}\)?\s*\}}?)",
    re.IGNORECASE,
)


def normalise(expression: str) -> str | None:
    """The expression without fences, styles and spacing commands, its glyphs in ASCII LaTeX; None if nothing is left.

    What stands beside a number stays: unit, currency, magnitude, and commas that may group digits or part a list.
    None as well where it is over `MAX_CHARS` long: no answer is, and nothing downstream should have to read it.
    """
    if len(expression) > 4 * MAX_CHARS:
        return None
    text = in_latex(expression).strip()
    while (inner := _FENCE.match(text)) and inner[1] != text:
        text = inner[1]
    text = _SPACING.sub(" ", _COMMAND.sub(lambda m: m[0][:3], _GROUPING.sub("", text)))
    text = _fractions(_in_latex(_STYLED.sub(lambda m: m[1] or m[2], text)))
    text = _SIGN_BEHIND_CURRENCY.sub(r"\1", text).replace("\\%", "%")
    text = _GROUPED.sub(r"\1", text)
    text = " ".join(text.split()).strip(" ,;:").removesuffix(".").strip()
    text = _SPACED.sub(lambda m: m[0].replace(" ", ""), text)
    text = text.removeprefix("= ")
    return text if text and len(text) <= MAX_CHARS else None


def _in_latex(text: str) -> str:
    """The text with what was typed as plain text in LaTeX: pi, sqrt(2), exp(9), x**10, <=."""
    text = _PLAIN.sub(lambda m: _PLAIN_CONSTANTS[m[1]] if m[1] else f"\\{m[2]} " if m[2] else m[0], text)
    text = _PLAIN_SIGN.sub(lambda m: _PLAIN_SIGNS[m[0]], text)
    text = _EXPONENTIAL.sub(r"e^{\1}", text)
    return _LONG_POWER.sub(lambda m: f"^{{{m[1] if m[2] is None else m[2]}}}", text)


def _fractions(text: str) -> str:
    """The text with every fraction and root written in full, braces included."""
    text = _SHORT_FRACTION.sub(
        lambda m: f"\\frac{{{m[1] if m[1] is not None else m[2]}}}{{{m[3] if m[3] is not None else m[4]}}}",
        _FRACTION.sub(r"\\frac", text),
    )
    return _SHORT_ROOT.sub(lambda m: f"\\sqrt{m[1] or ''}{{{m[2] or m[3]}}}", text)


def based(expression: str) -> str:
    r"""The expression with the base of its numeral as an index ("1011_{\text{two}}", "1011 in base 2" are "1011_2")."""
    match = _BASED.fullmatch(expression)
    if not match:
        return expression
    named = (match[2] or match[3]).lower()
    return f"{match[1]}_{_BASES.get(named, named)}"


def exactly(expression: str) -> str:
    r"""The expression without a sign that it is rounded ("\approx 3.14"), which says nothing of its value."""
    return _APPROXIMATE.sub("", expression, count=1) if _APPROXIMATE.match(expression) else expression


_SINGLE = re.compile(r"([_^])\{(\w)\}")
_LETTER = re.compile(r"^\(([A-Z])\)$")


def compact(expression: str) -> str:
    """The expression without its spaces and text wrappers: two answers that share it are the same answer."""
    words = re.sub(rf"{TEXT}\{{\s*([^{{}}]*?)\s*\}}", r"\1", expression)
    words = _LETTER.sub(r"\1", _SINGLE.sub(r"\1\2", words))
    return re.sub(
        r" (?![a-zA-Z\d])|(?<![a-zA-Z\d]) |(?<=[a-zA-Z]) (?=\d)|(?<=\d) (?=[a-zA-Z])|(?<=[a-z]) (?=[a-z]\b)",
        "",
        words,
    ).strip()


def words_of(expression: str) -> str | None:
    r"""The lower-case words of an answer in words ("\text{even}"); None where it is an expression."""
    match = _ONLY_WORDS.fullmatch(expression)
    if not match:
        return None
    words = " ".join((match[1] if match[1] is not None else match[2]).lower().split()).strip(" .")
    if match[2] is not None and (len(max(words.split(), key=len)) < 3 or words in _FUNCTIONS):
        return None
    return words


def depth(expression: str) -> int:
    """How deep the expression's brackets are nested."""
    level = deepest = 0
    for char in expression:
        level += (char in "([{") - (char in ")]}")
        deepest = max(deepest, level)
    return deepest


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
