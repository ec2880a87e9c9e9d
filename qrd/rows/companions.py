"""The files that can stand beside an output: one list, for those who write them, set them aside and check them.

To add one: give it a line here and a place in ALL, and write it at `NAME.of(output)`. `set_aside` then takes it along,
and `tests/rows/test_companions.py` fails for a name that is spelt anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as File


@dataclass(frozen=True)
class Companion:
    """A kind of file beside an output. `form` is its name, with {} for the output's.

    What `stays` is of no use to an output that was set aside: it belongs to whoever writes under the name now.
    """

    form: str
    stays: bool = False

    def of(self, output: str | File) -> File:
        """Its file beside an output."""
        file = File(output)
        return file.parent / self.form.format(file.name)


MANIFEST = Companion("{}.manifest.json")
FAILED = Companion("{}.failed.jsonl")
BATCHES = Companion("{}.batches.json")
VOTES = Companion("{}.votes.jsonl")
CANARIES = Companion("{}.canaries.jsonl")
MARKS = Companion("{}.marks.jsonl")
ACCOUNT = Companion(".{}.account.jsonl")
LOCK = Companion(".{}.lock", stays=True)
TEMPORARY = Companion(".{}.tmp", stays=True)  # of an output that takes its place when it is whole

ALL = (MANIFEST, FAILED, BATCHES, VOTES, CANARIES, MARKS, ACCOUNT, LOCK, TEMPORARY)


def set_aside(file: File) -> File | None:
    """The new name of `file`, which its companions take too; None where neither it nor one of them is there."""
    moving = [Companion("{}"), *(companion for companion in ALL if not companion.stays)]  # the file goes last
    found = [companion for companion in reversed(moving) if companion.of(file).exists()]
    if not found:
        return None
    number = 1
    # One that was killed while it moved them leaves some there, and nothing may be written over those.
    while any(companion.of(_aside(file, number)).exists() for companion in moving):
        number += 1
    for companion in found:
        companion.of(file).rename(companion.of(_aside(file, number)))
    return _aside(file, number)


def _aside(file: File, number: int) -> File:
    return file.with_name(f"{file.name}.old-{number}")
