"""Whether two LaTeX expressions are equal by computer algebra; runs in a worker process, which may be killed.

`too_costly` runs in the parent and needs no algebra: what it refuses is never parsed. math-verify is asked without its
own time limit, which rests on SIGALRM and works in a main thread only; the limit is the parent's kill.
"""

from __future__ import annotations

import re

_MAX_CHARS = 400
_MAX_DEPTH = 24
_DIGITS = 12  # 3.1415926 is not pi: only where twelve digits agree may a number that ends stand for one that does not
_OPEN = re.compile(r"[({\[]|\\left")
_LARGE = re.compile(
    r"\d{61}"  # a number no question asks for
    r"|(?:\^|\*\*)\s*[({\s+-]*\d{5}"  # a power with five digits or more in its exponent
    r"|(?:\^|\*\*)[\s({+-]*[\w.\\]+[\s)}]*(?:\^|\*\*|!)"  # a power of a power
    r"|\)\s*(?:\^|\*\*)\s*\{?\s*\d{3}|[a-zA-Z]\s*(?:\^|\*\*)\s*\{?\s*\d{4}"  # a sum or a symbol to a great power
    r"|\d{4}[\s)}]*!|!\s*[)}]*\s*!"  # a factorial of thousands, or of a factorial
    r"|\\(?:uparrow|binom\{\d{5})"
)
_SLOW = re.compile(r"\\(?:int|sum|prod|lim|iint|oint)(?![a-zA-Z])")


def too_costly(expression: str) -> bool:
    """Whether parsing or comparing the expression could take more than it is worth: long, deep, or a tower."""
    if len(expression) > _MAX_CHARS or _LARGE.search(expression) or _SLOW.search(expression):
        return True
    depth = deepest = 0
    for char in expression:
        depth += (char in "([{") - (char in ")]}")
        deepest = max(deepest, depth)
    return deepest > _MAX_DEPTH


def equal_by_algebra(prediction: str, gold: str) -> bool:
    """Whether the two are equal once parsed and simplified; False where either cannot be parsed."""
    from latex2sympy2_extended.latex2sympy2 import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify
    from sympy import Basic
    from sympy.matrices import MatrixBase

    as_written = NormalizationConfig(basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="all")
    target = [LatexExtractionConfig(boxed_match_priority=0, normalization_config=as_written)]
    sides = [
        [
            found
            for found in parse(f"\\boxed{{{side}}}", target, parsing_timeout=None)
            if isinstance(found, (Basic, MatrixBase))
        ]
        for side in (gold, prediction)
    ]
    if not all(sides):
        return False
    return bool(verify(sides[0], sides[1], float_rounding=_DIGITS, timeout_seconds=None, allow_set_relation_comp=True))
