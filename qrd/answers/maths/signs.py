"""One spelling of each sign of mathematics: what shows nothing is gone, other glyphs are ASCII LaTeX."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Letters and fillers that show nothing, though Unicode does not class them as format characters.
_BLANK_LETTERS = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
_SELECTORS = ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
# Cyrillic letters that cannot be told from Latin ones; Greek letters are left, since they are names of their own.
_CYRILLIC = str.maketrans("аеорсухіјѕԁһАВЕКМНОРСТХІЈЅ", "aeopcyxijsdhABEKMHOPCTXIJS")
_GREEK = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨ"
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi"
    " omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi"
)
_COMMANDS = {
    "∞": "\\infty ", "≤": "\\le ", "≥": "\\ge ", "⩽": "\\le ", "⩾": "\\ge ", "≠": "\\ne ", "∪": "\\cup ",
    "∩": "\\cap ", "∈": "\\in ", "∅": "\\emptyset ",
    "×": "\\times ", "✕": "\\times ", "·": "\\cdot ", "⋅": "\\cdot ",
    "∙": "\\cdot ", "•": "\\cdot ", "±": "\\pm ", "°": "^\\circ ", "˚": "^\\circ ", "≈": "\\approx ", "≅": "\\approx ",
    "√": "\\sqrt ", "∛": "\\sqrt[3]", "∜": "\\sqrt[4]", "ϕ": "\\phi ", "Ω": "\\Omega ",
    **{letter: f"\\{name} " for letter, name in zip(_GREEK, _GREEK_NAMES.split(), strict=True)},
}  # fmt: skip
_PLAIN = {
    **dict.fromkeys("−–—‐‑‒―﹣－", "-"),
    **dict.fromkeys("÷⁄∕", "/"),
    **dict.fromkeys("∗✱⁎", "*"),
    **dict.fromkeys("’‘′ʼ", "'"),
    **dict.fromkeys("“”″", '"'),
    **dict.fromkeys("、，،", ","),
    **dict.fromkeys("。．", "."),
    "٪": "%",
    "٫": ".",
    "∶": ":",
}
_RAISED = re.compile("\x01([^\x01\x02]*)\x02")
_LOWERED = re.compile("\x03([^\x03\x04]*)\x04")


def visible(text: str) -> str:
    """The text without characters that show nothing: zero-width ones, soft hyphens, tags, variation selectors."""
    return text if text.isascii() else "".join(c for c in text if not _is_invisible(c))


def in_latex(text: str) -> str:
    r"""The text with each glyph of mathematics in ASCII LaTeX: "x⁵ − ½" is "x^{5} - \frac{1}{2}"."""
    if text.isascii():
        return text
    spelled = "".join(map(_spelled, visible(text).translate(_CYRILLIC)))
    joined = re.sub("\x02\x01|\x04\x03", "", spelled)
    return _LOWERED.sub(r"_{\1}", _RAISED.sub(r"^{\1}", joined))


def _is_invisible(char: str) -> bool:
    return (
        unicodedata.category(char) == "Cf"
        or char in _BLANK_LETTERS
        or any(first <= ord(char) <= last for first, last in _SELECTORS)
    )


@lru_cache(maxsize=4096)
def _spelled(char: str) -> str:
    """The character's spelling; raised and lowered ones between control characters, so that neighbours can join."""
    if char.isascii():
        return char
    if known := _COMMANDS.get(char) or _PLAIN.get(char):
        return known
    if (digit := unicodedata.decimal(char, None)) is not None:
        return str(digit)
    form, _, codes = unicodedata.decomposition(char).partition(" ")
    if not form.startswith("<"):
        return " " if unicodedata.category(char) == "Zs" else char
    inner = "".join(_spelled(chr(int(code, 16))) for code in codes.split())
    if form == "<fraction>":
        above, _, below = inner.partition("/")
        return f"\\frac{{{above}}}{{{below}}}" if below else inner
    marks = {"<super>": "\x01\x02", "<sub>": "\x03\x04"}.get(form)
    return f"{marks[0]}{inner}{marks[1]}" if marks else inner
