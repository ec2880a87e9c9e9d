"""`OUTPUT.manifest.json`: where a file came from, so that a student can be traced back to the teacher's prompts."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path as File
from typing import Any

import msgspec

from qrd import __version__
from qrd.config import knobs
from qrd.errors import StorageError
from qrd.masking import masked
from qrd.rows.companions import MANIFEST
from qrd.rows.disk import is_stream, write_json
from qrd.rows.records import Fields, digest

FOLDERS_OWN = "manifest.json"  # the manifest of a folder stands in it
MOST_BYTES = 2**26  # a manifest that is larger is none of ours


class Manifest:
    """The manifest of one run of one command.

    `begin` and `finish` write it beside `output`; nothing is written for standard output or a pipe. Configurations hold
    no secret: keys come from the environment only, and what looks like one is masked.
    """

    def __init__(self, command: str, config: Any, output: str, *, models: Sequence[Fields] = ()) -> None:
        """`models` are the files of the models that are asked or fitted, each with the name of its model."""
        self.command, self.output, self.models = command, output, list(models)
        self.config = without_secrets(knobs.plain(config))
        self.started = time.time()
        self.before: dict[str, Any] = {}
        self.altered: dict[str, bool] = {}

    def begin(self, say: Callable[[str], None]) -> None:
        """Say how the rows to come are made, for the case that the run is killed before `finish`.

        Rows that something else changed since the last run are told of, and stay noted as `altered`.
        """
        if is_stream(self.output):
            return
        self.before = stored(self.output)
        told = output_of(self.before).get("sha256")
        if is_changed := isinstance(told, str) and sha256_of(File(self.output)) != told:
            say(
                f"warning: {self.output}: was changed since its last run ended, by something else than qrd; its rows "
                "are taken as they are. --no-resume sets the file aside"
            )
        ours = {entry["model"] for entry in self.models}
        earlier = [entry for entry in input_files(self.before.get("models")) if entry.get("model") not in ours]
        self.models = earlier + self.models  # an output may hold rows of models that this run does not ask
        self.altered = {"altered": True} if is_changed or self.before.get("altered") is True else {}
        output, cost_usd = {"file": File(self.output).name, "sha256": None}, self.before.get("cost_usd")
        self._write({"inputs": [], "output": output, "cost_usd": cost_usd, "finished": False, **self.altered})

    def finish(
        self,
        *,
        inputs: Mapping[str, str],
        rows_in: int,
        rows_out: int,
        reasons: Mapping[str, int] | None = None,
        cost_usd: float | None = None,
        finished: bool = True,
        **extra: Any,
    ) -> None:
        """Write the manifest; `inputs` maps each file to its SHA-256, `reasons` counts the rows that went elsewhere."""
        if is_stream(self.output):
            return
        facts = {
            "inputs": [self._input(file, sha256) for file, sha256 in inputs.items()],
            "output": _hashes(File(self.output)),
            "rows_in": rows_in,
            "rows_out": rows_out,
            "reasons": dict(reasons or {}),
            "seconds": round(time.time() - self.started, 3),
            "cost_usd": cost_usd,
            "finished": finished,
            **self.altered,
            **extra,
        }
        before = self.before or stored(self.output)
        if _as_json({**self._ours(), **facts, "seconds": None}) != _as_json({**before, "seconds": None}):
            self._write(facts)
        elif self.before:
            self._put(before)  # a run that found nothing to do; `begin` had put another in its place

    def _ours(self) -> dict[str, Any]:
        ours = {"qrd": __version__, "command": self.command, "config": self.config, "seed": self.config.get("seed")}
        return ours | ({"models": self.models} if self.models else {})

    def _write(self, facts: Mapping[str, Any]) -> None:
        self._put({**self._ours(), **facts})

    def _put(self, facts: Mapping[str, Any]) -> None:
        write_json(beside(self.output), facts)

    @staticmethod
    def _input(file: str, sha256: str) -> dict[str, Any]:
        known = beside(file)
        manifest = sha256_of(known) if known.is_file() else None
        return {"file": file, "sha256": sha256, "manifest_sha256": manifest}


def _as_json(facts: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(facts, order="sorted")


def beside(output: str) -> File:
    """The manifest's file for an output: next to a file, inside a folder."""
    return File(output) / FOLDERS_OWN if os.path.isdir(output) else MANIFEST.of(output)


def stored(output: str) -> dict[str, Any]:
    """The manifest of an output, or an empty dictionary where there is none that can be read."""
    file = beside(output)
    try:
        if not os.path.isfile(file) or file.stat().st_size > MOST_BYTES:
            return {}
        found = msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def output_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says of its output; empty where it says nothing."""
    output = facts.get("output")
    return output if isinstance(output, dict) else {}


def input_files(value: object) -> list[dict[str, Any]]:
    """The entries of a manifest's list of files that are whole; a manifest may come from anywhere."""
    entries = value if isinstance(value, list) else []
    return [
        entry
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("file"), str) and isinstance(entry.get("sha256"), str)
    ]


def located(made: Mapping[str, Any], near: File) -> File | None:
    """The file where it was, or beside what was made of it; None where it is gone or has changed."""
    name = File(made["file"]).name
    for file in (File(made["file"]), near / name, near.parent / name):
        if file.is_file() and sha256_of(file) == made["sha256"]:
            return file
    return None


def sha256_of(file: File) -> str | None:
    """The SHA-256 of a file, or of the names and contents of all files below a folder; None where there is nothing.

    Raises: StorageError where it cannot be read.
    """
    if file.is_dir():
        return sha256_of_all(hashes_below(file))
    if not file.is_file():
        return None
    try:
        hashed, left = hashlib.sha256(), file.stat().st_size  # some files of the system have no end
        with open(file, "rb") as stream:
            while block := stream.read(min(2**20, left)):
                hashed.update(block)
                left -= len(block)
    except OSError as error:
        raise StorageError.of(file, error) from None
    return hashed.hexdigest()


def hashes_below(folder: File) -> dict[str, str]:
    """The SHA-256 of every file below a folder, by its name from there, in the order of the names."""
    below = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    return {name: sha256_of(folder / name) or "" for name in below}


def sha256_of_all(files: Mapping[str, str]) -> str:
    """One hash for the files of a folder."""
    return digest([[name, sha256] for name, sha256 in files.items()])


def _hashes(output: File) -> dict[str, Any]:
    """What a manifest says of its output; of a folder, which has no manifest in it yet, the hash of each file too."""
    if not output.is_dir():
        return {"file": output.name, "sha256": sha256_of(output)}
    files = {name: sha256 for name, sha256 in hashes_below(output).items() if name != FOLDERS_OWN}
    return {"file": output.name, "sha256": sha256_of_all(files), "files": files}


def without_secrets(value: Any) -> Any:
    """The value with every text in it masked, at any depth."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {name: without_secrets(item) for name, item in value.items()}
    return [without_secrets(item) for item in value] if isinstance(value, (list, tuple)) else value
