"""`OUTPUT.manifest.json`: where a file came from, so that a student can be traced back to the teacher's prompts."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path as File
from typing import Any

import msgspec

from qrd import __version__, knobs
from qrd.companions import MANIFEST
from qrd.jsonl import is_stream, write_whole
from qrd.masking import masked
from qrd.records import digest


class Manifest:
    """The manifest of one run of one command.

    `begin` and `finish` write it beside `output`; nothing is written for standard output or a pipe. Configurations hold
    no secret: keys come from the environment only, and what looks like one is masked.
    """

    def __init__(self, command: str, config: Any, output: str) -> None:
        self.command, self.output = command, output
        self.config = without_secrets(knobs.plain(config))
        self.started = time.time()

    def begin(self) -> None:
        """Say how the rows to come are made, for the case that the run is killed before `finish`."""
        if not is_stream(self.output):
            output, cost_usd = {"file": File(self.output).name, "sha256": None}, stored(self.output).get("cost_usd")
            self._write({"inputs": [], "output": output, "cost_usd": cost_usd, "finished": False})

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
            "output": {"file": File(self.output).name, "sha256": sha256_of(File(self.output))},
            "rows_in": rows_in, "rows_out": rows_out, "reasons": dict(reasons or {}),
            "seconds": round(time.time() - self.started, 3), "cost_usd": cost_usd, "finished": finished, **extra,
        }  # fmt: skip
        self._write(facts)

    def _write(self, facts: Mapping[str, Any]) -> None:
        ours = {"qrd": __version__, "command": self.command, "config": self.config, "seed": self.config.get("seed")}
        facts = {**ours, **facts}
        write_whole(beside(self.output), msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n")

    @staticmethod
    def _input(file: str, sha256: str) -> dict[str, Any]:
        known = beside(file)
        manifest = sha256_of(known) if known.is_file() else None
        return {"file": file, "sha256": sha256, "manifest_sha256": manifest}


def beside(output: str) -> File:
    """The manifest's file for an output: next to a file, inside a folder."""
    return File(output) / "manifest.json" if File(output).is_dir() else MANIFEST.of(output)


def stored(output: str) -> dict[str, Any]:
    """The manifest of an output, or an empty dictionary where there is none that can be read."""
    try:
        found = msgspec.json.decode(beside(output).read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def input_files(value: object) -> list[dict[str, Any]]:
    """The entries of a manifest's list of files that are whole; a manifest may come from anywhere."""
    entries = value if isinstance(value, list) else []
    return [
        entry for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("file"), str) and isinstance(entry.get("sha256"), str)
    ]  # fmt: skip


def located(made: Mapping[str, Any], near: File) -> File | None:
    """The file where it was, or beside what was made of it; None where it is gone or has changed."""
    name = File(made["file"]).name
    for file in (File(made["file"]), near / name, near.parent / name):
        if file.is_file() and sha256_of(file) == made["sha256"]:
            return file
    return None


def sha256_of(file: File) -> str | None:
    """The SHA-256 of a file, or of the names and contents of all files below a folder; None where there is nothing."""
    if file.is_dir():
        below = sorted(f.relative_to(file).as_posix() for f in file.rglob("*") if f.is_file())
        return digest([[name, sha256_of(file / name)] for name in below])
    if not file.is_file():
        return None
    hashed = hashlib.sha256()
    with open(file, "rb") as stream:
        while block := stream.read(2**20):
            hashed.update(block)
    return hashed.hexdigest()


def without_secrets(value: Any) -> Any:
    """The value with every text in it masked, at any depth."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {name: without_secrets(item) for name, item in value.items()}
    return [without_secrets(item) for item in value] if isinstance(value, (list, tuple)) else value
