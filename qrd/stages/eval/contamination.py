"""Whether the paths that a run was trained on were checked against the questions of an evaluation.

The chain: RUN/manifest.json names the training files; the manifest beside each of them names its inputs, and that of a
`filter` the question files of --decontaminate. A manifest counts only while its file is what it says it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as File

from qrd.rows.manifest import input_files, located, stored
from qrd.rows.records import Fields

Known = dict[tuple[str, str], set[str]]


def stamp(run: str, questions: Mapping[str, str]) -> Fields:
    """`checked` (true only where every training file was checked against all questions), and in `problems` why not.

    `questions` maps each file of the evaluation to its SHA-256.
    """
    inputs = input_files(stored(run).get("inputs"))
    if not inputs:
        return {"checked": False, "problems": [f"{run}/manifest.json names no training paths"]}
    problems: list[str] = []
    known: Known = {}
    for training in inputs:
        checked = _checked_against(training, File(run), known)
        missing = [file for file, sha256 in questions.items() if sha256 not in checked]
        if missing:
            problems.append(f"no manifest shows that {training['file']} was checked against {', '.join(missing)}")
    return {"checked": not problems, "problems": problems}


def _checked_against(made: Fields, near: File, known: Known) -> set[str]:
    """The SHA-256 of every question file that this file, or all of what it was made of, was decontaminated with.

    `known` holds what was found before; a circle of manifests, which no stage writes, ends there with nothing.
    """
    link = made["file"], made["sha256"]  # a filter that drops nothing leaves the hash as it was
    if link not in known:
        known[link] = set()
        known[link] = _told_by_manifest(made, near, known)
    return known[link]


def _told_by_manifest(made: Fields, near: File, known: Known) -> set[str]:
    file = located(made, near)
    manifest = stored(str(file)) if file is not None else {}
    output, config = manifest.get("output"), manifest.get("config")
    if file is None or not isinstance(output, dict) or output.get("sha256") != made["sha256"]:
        return set()
    before = [_checked_against(source, file.parent, known) for source in input_files(manifest.get("inputs"))]
    found = set.intersection(*before) if before else set()
    # With --flag a contaminated path is kept, with a note.
    if not (isinstance(config, dict) and config.get("flag")):
        found = found | {entry["sha256"] for entry in input_files(manifest.get("decontaminated"))}
    return found
