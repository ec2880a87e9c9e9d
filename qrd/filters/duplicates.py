"""No two paths say nearly the same, be they of one question or of two."""

from __future__ import annotations

import re
from typing import Any

from qrd.errors import needs
from qrd.filters.decision import KEEP, Decision, drop
from qrd.rows.records import Path

NUM_PERMUTATIONS = 128  # the similarity is estimated to within 1 / sqrt(128) = 0.09
SHINGLE_WORDS = 3
SIGNATURE_BYTES, TABLE_BYTES = 1600, 310  # of a path, and of its entry in each table; measured
_WORD = re.compile(r"\w+")


class Duplicates:
    """Drop as `duplicate` a path whose response is like that of one that was kept.

    Likeness is the share of word triples that two responses have in common, of all that either has (Jaccard), estimated
    by MinHash; tables of signatures (LSH) find the candidates, so time grows with the number of paths only.
    """

    def __init__(self, threshold: float) -> None:
        """Raises: ConfigError where datasketch is missing."""
        try:
            import datasketch
        except ImportError:
            raise needs("--dedupe", "datasketch", "filter") from None
        self.threshold = threshold
        self._new: Any = datasketch.MinHash(num_perm=NUM_PERMUTATIONS)
        self._tables: Any = datasketch.MinHashLSH(threshold=threshold, num_perm=NUM_PERMUTATIONS)
        self._kept: list[Any] = []

    def __call__(self, path: Path) -> Decision:
        """Keep what is like nothing that was kept before."""
        signature = self._new.copy()
        signature.update_batch(shingles(path.response or ""))
        for number in self._tables.query(signature):
            if self._kept[number].jaccard(signature) >= self.threshold:
                return drop("duplicate")
        self._tables.insert(len(self._kept), signature)
        self._kept.append(signature)
        return KEEP

    def memory_bytes(self, num_paths: int) -> int:
        """About what so many different paths will take: a low threshold needs more tables than a high one."""
        return num_paths * (SIGNATURE_BYTES + TABLE_BYTES * int(self._tables.b))


def shingles(text: str) -> list[bytes]:
    """The word triples of a text, each once; fewer words are one shingle."""
    words = _WORD.findall(text.casefold())
    last = max(1, len(words) - SHINGLE_WORDS + 1)
    return list({" ".join(words[at : at + SHINGLE_WORDS]).encode() for at in range(last)})
