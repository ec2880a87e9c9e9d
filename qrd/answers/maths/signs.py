"""One spelling of each sign of mathematics, in ASCII LaTeX; what makes any text plain is in ``reading.glyphs``."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from qrd.answers.reading.glyphs import CYRILLIC_IN_LATIN, visible

# Each glyph before the LaTeX command that says it.
_NAMED = (
    "∞ infty ≤ le ≥ ge ⩽ le ⩾ ge ≠ ne ∪ cup ∩ cap ∈ in ∅ emptyset × times"
    " ✕ times · cdot ⋅ cdot ∙ cdot • cdot ± pm ≈ approx ≅ approx √ sqrt ϕ phi Ω Omega"
)
_GREEK = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨ"
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi"
    " omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi"
)
_COMMANDS = {
    **{glyph: f"\\{name} " for glyph, name in zip(_NAMED.split()[::2], _NAMED.split()[1::2], strict=True)},
    **{letter: f"\\{name} " for letter, name in zip(_GREEK, _GREEK_NAMES.split(), strict=True)},
    "°": "^\\circ ",
    "˚": "^\\circ ",
    "∛": "\\sqrt[3]",
    "∜": "\\sqrt[4]",
}
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


def in_latex(text: str) -> str:
    r"""The text with each glyph of mathematics in ASCII LaTeX: "x⁵ − ½" is "x^{5} - \frac{1}{2}"."""
    if text.isascii():
        return text
    spelled = "".join(map(_spelled, visible(text).translate(CYRILLIC_IN_LATIN)))
    joined = re.sub("\x02\x01|\x04\x03", "", spelled)
    return _LOWERED.sub(r"_{\1}", _RAISED.sub(r"^{\1}", joined))


@lru_cache(maxsize=4096)
def _spelled(char: str) -> str:
    """The character's spelling; raised and lowered ones between control characters, so that neighbours can join."""
    if char.isascii():
        return char
    if known := _COMMANDS.get(char) or _PLAIN.get(char):
        return known
    form, _, codes = unicodedata.decomposition(char).partition(" ")
    if not form.startswith("<"):
        return " " if unicodedata.category(char) == "Zs" else char
    inner = "".join(_spelled(chr(int(code, 16))) for code in codes.split())
    if form == "<fraction>":
        above, _, below = inner.partition("/")
        return f"\\frac{{{above}}}{{{below}}}" if below else inner
    marks = {"<super>": "\x01\x02", "<sub>": "\x03\x04"}.get(form)
    return f"{marks[0]}{inner}{marks[1]}" if marks else inner
