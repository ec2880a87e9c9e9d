"""Texts as the numbers 0, 1, 2, ... in the order of their first use, in about 20 bytes each however long they are.

A file of 5 GB holds four million ids; as strings in a dictionary they would fill a gigabyte.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

_FIRST_SLOTS = 2**10


class Ordinals:
    """The number of each text.

    Of a text only its 64-bit hash is held, keyed afresh in each process so that no input can aim at a collision. Two
    of four million texts share one by chance once in two million runs.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._slots = array("I", bytes(4 * _FIRST_SLOTS))  # number + 1, or 0 where free; at most half are taken
        self._mask = _FIRST_SLOTS - 1

    def __len__(self) -> int:
        return len(self._hashes)

    def are_new(self, hashes: Sequence[int]) -> bool:
        """Whether all of the texts, given by their `hash`, are new and different; all have a number afterwards."""
        known, slots, mask = self._hashes, self._slots, self._mask
        before = len(known)
        for found in hashes:  # `number_of`, without a call for each of millions
            at = found & mask
            while (held := slots[at]) and known[held - 1] != found:
                at = (at + 1) & mask
            if not held:
                known.append(found)
                slots[at] = len(known)
                if 2 * len(known) > mask:
                    self._grow()
                    slots, mask = self._slots, self._mask
        return len(known) == before + len(hashes)

    def number(self, text: str) -> int:
        """The number of a text; one that is new gets the next, which is `len` before the call."""
        return self.number_of(hash(text))

    def number_of(self, found: int) -> int:
        """The number of the text whose `hash` this is."""
        hashes, slots, mask = self._hashes, self._slots, self._mask
        at = found & mask
        while held := slots[at]:
            if hashes[held - 1] == found:
                return held - 1
            at = (at + 1) & mask
        hashes.append(found)
        slots[at] = len(hashes)
        if 2 * len(hashes) > mask:
            self._grow()
        return len(hashes) - 1

    def _grow(self) -> None:
        num_slots = 2 * len(self._slots)
        mask = num_slots - 1
        slots = array("I", bytes(4 * num_slots))
        for number, found in enumerate(self._hashes, 1):
            at = found & mask
            while slots[at]:
                at = (at + 1) & mask
            slots[at] = number
        self._slots, self._mask = slots, mask
