"""When two questions are the same, and what follows: duplicates, and parts that no question shares with another.

Case, spacing and the marks around a text do not make a question another; every sign inside it may (`2+3`, `2-3`).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from typing import Any

from qrd.errors import ConfigError
from qrd.rows.records import Fields, digest

PARTS = {2: ("train", "test"), 3: ("train", "dev", "test")}
NAMED_REPEATS = 20
_AROUND = " .?:;,"  # neither quotes nor "!": f' is not f, and 5! is not 5


def normalised(text: str) -> str:
    """The text in one case and spacing, without punctuation around it."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return " ".join(folded.split()).strip(_AROUND)


def part_of(question: Mapping[str, Any], shares: tuple[int, ...]) -> str:
    """The part that a question belongs to, by the hash of its context and text: on any machine, in any order.

    Example: with shares (80, 10, 10), hashes of the first 80 % are `train`, then `dev`, then `test`; with (90, 5, 5)
    every question of `train` stays there.
    """
    said = [normalised(question.get("context") or ""), normalised(question["question"])]
    number = int.from_bytes(bytes.fromhex(digest(said))[:8], "big") * sum(shares) >> 64
    names = iter(PARTS[len(shares)])
    part = next(names)
    for share in shares[:-1]:
        number -= share
        if number < 0:
            break
        part = next(names)
    return part


def shares_of(text: str) -> tuple[int, ...]:
    """`(80, 10, 10)` for `80/10/10`.

    Raises: ConfigError.
    """
    words = text.split("/")
    if len(words) not in PARTS or not all(word.isascii() and word.isdigit() and int(word) for word in words):
        raise ConfigError(f"--split-by: found {text!r}, expected shares such as 80/10/10 (train/dev/test) or 90/10")
    return tuple(int(word) for word in words)


class Repeats:
    """The questions seen so far, as hashes, and those that came again; the first of them are named."""

    def __init__(self) -> None:
        self._first: dict[bytes, tuple[str, str | None]] = {}
        self.named: list[str] = []
        self.num = 0
        self.num_contradicting = 0

    def note(self, question: Fields) -> bool:
        """Whether the same question came before: text, context and, in any order, choices."""
        choices = question.get("choices") or []
        said = [question.get("context") or "", question["question"], *sorted(map(normalised, choices))]
        key = hashlib.blake2b(digest([normalised(text) for text in said]).encode(), digest_size=16).digest()
        answer = _answer_text(question)
        if key not in self._first:
            self._first[key] = (question["id"], answer)
            return False
        first, first_answer = self._first[key]
        self.num += 1
        contradicts = answer != first_answer
        self.num_contradicting += contradicts
        if len(self.named) < NAMED_REPEATS:
            self.named.append(f"{question['id']} repeats {first}{', with another answer' if contradicts else ''}")
        return True


def _answer_text(question: Fields) -> str | None:
    """The answer in words, so that choices in another order do not make it another."""
    answer, choices = question.get("answer"), question.get("choices")
    if answer is None or not choices or question.get("task") != "choice":
        return answer
    return normalised(choices[ord(answer) - ord("A")])
