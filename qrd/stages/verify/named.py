"""What a manifest names beside its output: inputs, test questions, models, runs; are they still what they were?

A manifest may come from anywhere, and names what it likes: only regular files are read, and no more than MOST_BYTES.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any, TypeGuard

from qrd.rows.companions import MANIFEST
from qrd.rows.manifest import FOLDERS_OWN, sha256_of

MOST_BYTES = 2**36  # of one file, or of all files in a folder
SHOWN = 3  # files that are not found
MOST_FILES = 10_000  # in a folder
OWN = ("output", "config")  # what is said of the output itself


@dataclass
class Named:
    """The files that are not found here, and in words what is to be said of those that are not what they were."""

    gone: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def words(self) -> list[str]:
        """What a user is told."""
        more = f" and {len(self.gone) - SHOWN} more" if len(self.gone) > SHOWN else ""
        return ([f"not found here: {', '.join(self.gone[:SHOWN])}{more}"] if self.gone else []) + self.changed


def compare(facts: Mapping[str, Any], near: File) -> Named:
    """How all files of which a manifest tells the hash are now, but the output, which stands in `near`."""
    found = Named()
    for name, sha256 in dict.fromkeys(told_in([part for key, part in facts.items() if key not in OWN])):
        moved = [folder / File(name).name for folder in (near, near.parent)] if File(name).name else []
        places = [file for file in (File(name), *moved) if os.path.exists(file)]
        if not places:
            found.gone.append(name)
        elif not any(is_bounded(file) and sha256_of(file) == sha256 for file in places):
            why = "has changed since" if is_bounded(places[0]) else "is no regular file, or too large to be followed"
            found.changed.append(f"{places[0]}, which it was made of, {why}")
    return found


def told_in(value: Any) -> Iterator[tuple[str, str]]:
    """(file, SHA-256) of each entry at any depth; the manifest of an input, or of a run, is one more."""
    if isinstance(value, list):
        for item in value:
            yield from told_in(item)
    if not isinstance(value, dict):
        return
    file, sha256, manifest = value.get("file"), value.get("sha256"), value.get("manifest_sha256")
    if _is_name(file) and isinstance(sha256, str) and sha256:
        yield file, sha256
    if isinstance(manifest, str) and _is_name(file):
        yield str(File(file) / FOLDERS_OWN if os.path.isdir(file) else MANIFEST.of(file)), manifest
    if isinstance(manifest, str) and _is_name(value.get("folder")):
        yield str(File(value["folder"]) / FOLDERS_OWN), manifest
    yield from told_in(list(value.values()))


def is_bounded(file: File) -> bool:
    """Whether a file, or a folder of files, can be read to its end: no device, no pipe, and not without measure."""
    try:
        if not os.path.isdir(file):
            return os.path.isfile(file) and os.access(file, os.R_OK) and os.path.getsize(file) <= MOST_BYTES
        return _is_bounded_below(file)
    except OSError:
        return False


def _is_bounded_below(top: File) -> bool:
    num_files = num_bytes = 0
    for folder, _, names in os.walk(top):
        for file in (os.path.join(folder, name) for name in names):
            num_files += 1
            num_bytes += os.path.getsize(file) if os.path.isfile(file) else 0
            if num_files > MOST_FILES or num_bytes > MOST_BYTES:
                return False
    return True


def is_read(file: File) -> bool:
    """Whether rows are to be read from a file: an empty one has none, and some files of the system have no end."""
    return is_bounded(file) and os.path.isfile(file) and os.path.getsize(file) > 0


def _is_name(value: Any) -> TypeGuard[str]:
    """Whether a value can be the name of a file; standard input and what a package brought are none."""
    return isinstance(value, str) and value not in ("", "-", "<stdin>") and "\0" not in value and len(value) < 4096
