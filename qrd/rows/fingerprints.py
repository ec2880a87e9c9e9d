"""What a model of this machine is: the content of the files it is loaded from, so that another under its name is seen.

Gigabytes take seconds to hash, so a file's hash is kept below the cache folder and holds for as long as its size, times
and inode do. A copy, or a file that was touched, is hashed once more and is the same model. What a hub or a provider
serves has no files here, and is known by its name.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path as File

import msgspec

from qrd.errors import StorageError
from qrd.models.embedded import cache_folder
from qrd.models.names import KINDS, parsed
from qrd.rows.disk import write_whole
from qrd.rows.manifest import input_files, sha256_of
from qrd.rows.records import Fields, digest

LOCAL = tuple(kind for kind, what in KINDS.items() if what.is_in_files)
# What transformers and vLLM read of a folder: weights, configuration, tokenizer, chat template, code of its own.
LOADED = frozenset((".safetensors", ".json", ".model", ".txt", ".jinja", ".tiktoken", ".gguf", ".py"))
TEMPLATES = "additional_chat_templates"
KEPT_BYTES = 2**24  # what is smaller is hashed sooner than looked up
SETTLED_S = 2.0  # a file that changed more lately may change again while its clock shows the same time

Stamp = list[int]
Known = dict[str, tuple[Stamp, str]]


def files_of(model: str) -> dict[str, str]:
    """The SHA-256 of each file that `hf:FOLDER`, `vllm:FOLDER` or `scripted:FILE` is loaded from, by its path.

    Empty for a model that is not in files of this machine. Raises: StorageError where one cannot be read.
    """
    found = parsed(model)
    return files_at(found.source) if found.kind in LOCAL else {}


def files_at(source: str) -> dict[str, str]:
    """As `files_of`, of a folder or a file."""
    if os.path.isfile(source):
        return _hashed(File(source).parent, [File(source)])
    if not os.path.isdir(source):
        return {}
    found = [*File(source).iterdir(), *File(source, TEMPLATES).glob("*")]
    return _hashed(File(source), sorted(file for file in found if file.suffix in LOADED and file.is_file()))


def identity(model: str) -> str:
    """What takes a model's place where a request is hashed: its name and the content of its files, or just its name."""
    files = files_of(model)
    return digest([model, [[File(file).name, sha256] for file, sha256 in files.items()]]) if files else model


def told(models: Iterable[str]) -> list[Fields]:
    """The files of all models, as a manifest tells them."""
    return [
        {"model": model, "file": file, "sha256": sha256}
        for model in dict.fromkeys(models)
        for file, sha256 in files_of(model).items()
    ]


def changed(entries: object) -> list[str]:
    """In words, the models of a manifest's entries with files that are gone, or others now."""
    names: dict[str, list[str]] = {}
    for entry in input_files(entries):
        file = File(entry["file"])
        if not os.path.isfile(file) or files_at(str(file))[str(file)] != entry["sha256"]:
            names.setdefault(str(entry.get("model")), []).append(file.name)
    return [f"the files of {model}: {', '.join(files)}" for model, files in names.items()]


def _hashed(folder: File, files: Sequence[File]) -> dict[str, str]:
    """The SHA-256 of each file, of those that are as they were when they were hashed last from what was kept."""
    kept = cache_folder() / "hashes" / f"{digest(os.path.realpath(folder))}.json"
    known = _read(kept)
    names = {file: os.path.relpath(file, folder) for file in files}
    fresh = {name: entry for file, name in names.items() if (entry := _entry(file, known.get(name))) is not None}
    lasting = {name: entry for name, entry in fresh.items() if _is_worth_keeping(entry[0])}
    if not lasting.items() <= known.items():
        with contextlib.suppress(StorageError):  # where nothing can be kept, it is hashed again
            write_whole(kept, msgspec.json.encode({**known, **lasting}))
    return {str(file): fresh[name][1] for file, name in names.items() if name in fresh}


def _entry(file: File, before: tuple[Stamp, str] | None) -> tuple[Stamp, str] | None:
    stamp = _stamp(file)
    if before is not None and before[0] == stamp:
        return before
    sha256 = sha256_of(file)
    return None if sha256 is None else (stamp, sha256)


def _stamp(file: File) -> Stamp:
    """What changes when a file does; the time of its inode too, since no program can set that one back."""
    try:
        found = os.stat(file)
    except OSError as error:
        raise StorageError.of(file, error) from None
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _is_worth_keeping(stamp: Stamp) -> bool:
    size, *times = stamp[:3]
    return size >= KEPT_BYTES and max(times) < (time.time() - SETTLED_S) * 1e9


def _read(kept: File) -> Known:
    try:
        return msgspec.json.decode(kept.read_bytes(), type=dict[str, tuple[list[int], str]])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
