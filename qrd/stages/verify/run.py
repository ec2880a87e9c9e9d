"""The door of verify: each file beside what its manifest says of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from qrd.config import VerifyConfig
from qrd.console import Console
from qrd.errors import DataError
from qrd.rows.companions import FAILED
from qrd.rows.lines import BadLines, bad_lines
from qrd.rows.manifest import FOLDERS_OWN, beside, hashes_below, sha256_of, sha256_of_all, stored
from qrd.rows.records import Fields
from qrd.stages import Tally
from qrd.stages.verify.named import compare, is_read
from qrd.stages.verify.places import KEYS, Places, Told
from qrd.stages.verify.planned import check_planned, is_written

COUNTED_ELSEWHERE = ("bad", "failed", "not_selected")


@dataclass
class Verified(Tally):
    """Files, all as their manifests say; `num_stale` were made of something that has changed since."""

    num_stale: int = 0

    @property
    def is_partial(self) -> bool:
        """Whether some file, sound in itself, no longer belongs to what it was made of (exit 3)."""
        return bool(self.num_stale)


def run(config: VerifyConfig, console: Console) -> Verified:
    """The counts of a verification that found every file as its manifest says.

    Raises: DataError that names, with file and line, what is not.
    """
    wrong, tally = BadLines(), Verified()
    for file in config.input:
        num_before = len(wrong)
        facts = _manifest_of(file, wrong)
        if facts is None:
            console.say(f"{file}: not verified")
            continue
        words = [verify(file, Told.of(facts), wrong)]
        named = compare(facts, File(file).parent)
        tally.num_in += 1
        tally.num_stale += bool(named.changed)
        words += named.words() + (["NOT as its manifest says"] if len(wrong) > num_before else [])
        console.say(f"{file}: {'; '.join(words)}")
    if wrong:
        raise bad_lines(wrong)
    return tally


def _manifest_of(file: str, wrong: BadLines) -> Fields | None:
    """The manifest of a file that is there; None, with the reason in `wrong`, where nothing can be verified."""
    manifest, is_folder = beside(file), os.path.isdir(file)
    facts = stored(file)
    problem = None
    if os.path.exists(file) and not is_folder and not os.path.isfile(file):
        problem = "is no regular file; nothing can be verified"
    elif facts and not os.path.exists(file):
        problem = "is missing; its manifest is all that is left of it"
    elif os.path.exists(manifest) and not facts:
        problem = f"its manifest {manifest} cannot be read; nothing can be verified"
    elif not facts and is_folder and (File(file) / "config.toml").is_file():
        problem = f"the run in it has not finished: {manifest} is missing; the same command goes on"
    elif not facts:
        problem = (
            f"no manifest stands {'in' if is_folder else 'beside'} it ({manifest} is missing); nothing can be verified"
        )
    if problem is not None:
        wrong.append(DataError(file, None, None, problem))
    return None if problem else facts


def verify(file: str, told: Told, wrong: BadLines) -> str:
    """What was checked, in words; `wrong` gets what is not as it should be."""
    places = Places(KEYS.get(told.command, ()), wrong)
    altered = "; its rows were changed between two runs, by something else than qrd" if told.altered else ""
    if File(file).is_dir():
        return _check_folder(File(file), told, places)
    if not told.finished:
        places.blame(file, None, "the run that wrote it has not finished; the same command goes on")
    elif sha256_of(File(file)) != told.sha256:
        places.blame(file, None, f"its SHA-256 is not the {told.sha256} of its manifest: it was changed since")
    if not places.names or file.endswith(".parquet"):
        return "hash checked"
    num_rows = len(places.enter(file))
    if told.finished and num_rows != told.num_out:
        places.blame(file, None, f"holds {num_rows} rows, its manifest says {told.num_out}")
    num_elsewhere = _enter_rejected(file, told, places) + _enter_failed(file, told, places)
    return f"{num_rows} rows, {num_elsewhere} rejected or failed, {check_planned(file, told, places)}{altered}"


def _check_folder(folder: File, told: Told, places: Places) -> str:
    """What was checked of a run folder, in words: each of its files, or all at once where an older qrd wrote it."""
    found = {name: sha256 for name, sha256 in hashes_below(folder).items() if name != FOLDERS_OWN}
    if not told.files:
        if sha256_of_all(found) != told.sha256:
            places.blame(
                str(folder), None, "a file in it was changed, added or taken away; its manifest cannot say which"
            )
        return f"{len(found)} files, one hash checked"
    for name, sha256 in told.files.items():
        if name not in found:
            is_there = os.path.exists(folder / name)
            places.blame(str(folder / name), None, "is no regular file any more" if is_there else "is missing")
        elif found[name] != sha256:
            places.blame(
                str(folder / name), None, f"its SHA-256 is not the {sha256} of the manifest: it was changed since"
            )
    more = len(found.keys() - told.files.keys())
    return f"{len(told.files)} files checked" + (f", {more} more that its manifest does not know" if more else "")


def _enter_rejected(file: str, told: Told, places: Places) -> int:
    rejects = told.config.get("rejects")
    if told.command != "filter" or not is_written(rejects):
        return 0
    candidates = (File(rejects), File(file).parent / File(rejects).name)
    found = str(next((place for place in candidates if os.path.isfile(place)), rejects))
    rows = places.enter(found) if is_read(File(found)) else []
    counted = Counter(row["reject_reason"] for row in rows)
    said = {reason: number for reason, number in told.reasons.items() if number and reason not in COUNTED_ELSEWHERE}
    if counted != said:
        is_there = "" if os.path.isfile(found) else "is missing: "
        places.blame(found, None, f"{is_there}holds {_counts(counted)}, the manifest says {_counts(said)}")
    return len(rows)


def _enter_failed(file: str, told: Told, places: Places) -> int:
    failed = str(FAILED.of(file))
    # A path may have failed before several judges.
    num_failed = len(places.enter(failed, once=told.command != "judge")) if is_read(File(failed)) else 0
    if told.finished and num_failed != told.reasons.get("failed", 0):
        places.blame(failed, None, f"holds {num_failed} rows, the manifest says {told.reasons.get('failed', 0)}")
    return num_failed


def _counts(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in sorted(counts.items(), key=str)) or "none"
