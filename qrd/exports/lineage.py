"""The manifests behind a file, followed back to the first input: what was done, with what settings, to how many rows.

A manifest is believed only for the content it was written for: where the file has changed since, the trail ends.
Manifests are files like others, so nothing in them is trusted to have its shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import msgspec

from qrd.rows.manifest import stored


class _File(msgspec.Struct):
    sha256: str | None
    file: str = ""


class _Manifest(msgspec.Struct):
    command: str
    output: _File
    inputs: list[_File] = []
    config: dict[str, Any] = {}
    rows_in: int | None = None
    rows_out: int | None = None
    reasons: dict[str, int] = {}
    cost_usd: float | None = None


@dataclass(frozen=True)
class Step:
    """One file of a trail; `made` is the manifest that tells how it was made, None where the trail ends."""

    file: str
    sha256: str
    made: _Manifest | None


def trail(inputs: Mapping[str, str]) -> list[Step]:
    """The steps behind files, given as name to SHA-256: every content once, inputs before what was made of them."""
    steps: dict[str, Step] = {}
    for file, sha256 in inputs.items():
        _follow(file, sha256, steps, frozenset())
    return list(steps.values())


def _follow(file: str, sha256: str, steps: dict[str, Step], above: frozenset[str]) -> None:
    if sha256 in steps or sha256 in above:
        return
    made = _manifest_of(file, sha256)
    for source in made.inputs if made else ():
        if source.sha256:
            _follow(_found(source.file, file), source.sha256, steps, above | {sha256})
    steps[sha256] = Step(file, sha256, made)


def _manifest_of(file: str, sha256: str) -> _Manifest | None:
    try:
        made = msgspec.convert(stored(file), _Manifest)
    except msgspec.ValidationError:
        return None
    return made if made.output.sha256 == sha256 else None


def _found(source: str, made: str) -> str:
    """An input where the manifest says, else beside the file that was made of it."""
    beside = File(made).parent / File(source).name
    return str(beside) if not File(source).exists() and beside.exists() else source
