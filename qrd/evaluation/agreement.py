"""How far several judges agree beyond chance, and which of them is close to the teacher."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TO_FAMILY = {"o": "gpt", "chatgpt": "gpt", "codestral": "mistral", "ministral": "mistral", "mixtral": "mistral"}


class Agreement:
    """Krippendorff's alpha of verdicts, from counts alone; a verdict that could not be read is missing.

    Math: alpha = 1 - (n - 1) o / (a b) with a valid and b invalid ones, n = a + b, and o the sum over paths with
    m >= 2 verdicts of v w / (m - 1), v valid and w invalid ones of the path. 1 is agreement, 0 is chance.
    Example: 10 paths, two judges; 7 times both say valid, once both invalid, twice they differ: a = 16, b = 4, o = 2,
    alpha = 1 - 19 * 2 / 64 = 0.406.
    Source: Krippendorff, Content Analysis, chapter 11, for two nominal values.
    """

    def __init__(self) -> None:
        self.num_paths = self._num_valid = self._num_invalid = 0
        self._apart = 0.0

    def add(self, verdicts: Iterable[str]) -> None:
        """Count the verdicts on one path."""
        said = list(verdicts)
        num_valid, num_invalid = said.count("valid"), said.count("invalid")
        number = num_valid + num_invalid
        if number < 2:
            return
        self.num_paths += 1
        self._num_valid += num_valid
        self._num_invalid += num_invalid
        self._apart += num_valid * num_invalid / (number - 1)

    def alpha(self) -> float | None:
        """Krippendorff's alpha; None where no path has two verdicts, or all are the same, which shows nothing."""
        if not self._num_valid or not self._num_invalid:
            return None
        number = self._num_valid + self._num_invalid
        return 1 - (number - 1) * self._apart / (self._num_valid * self._num_invalid)


def family(model: str) -> str:
    """The family that a model's name tells: `gpt` of `openai/gpt-4o-mini`, `gemini` of `gemini/gemini-1.5-pro`."""
    name = re.split(r"[/:]", model.rstrip("/").casefold())[-1]
    found = re.match(r"[^\W\d_]+", name)
    word = found[0] if found else name
    return _TO_FAMILY.get(word, word)


def likeness(judge: str, teacher: str) -> str | None:
    """Why a judge may favour a teacher's paths; None where the names give no reason."""
    if judge == teacher:
        return f"the judge {judge} is the teacher itself"
    if family(judge) == family(teacher):
        return f"the judge {judge} is of the family of the teacher {teacher}"
    return None
