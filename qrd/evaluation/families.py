"""Which comparisons are corrected together: one rule for eval's table, --summary, --compare and the report.

A family is one question that is put to several models: whether each student of an evaluation beats its base, whether
its ensembles beat its students, whether a model does better in one run than in another; all other pairs are one family.
A comparison is in one family only, so that it has one corrected p wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from qrd.models.names import base_name, is_base, is_ensemble
from qrd.rows.manifest import stored
from qrd.rows.records import Fields

Pair = tuple[str, str]
Families = dict[str, list[Pair]]

BASES, ENSEMBLES, RUNS, OTHERS = KINDS = (
    "students against bases",
    "ensembles against students",
    "a model in two files",
    "other pairs",
)


@dataclass(frozen=True)
class Answering:
    """A model that answered: its name where it is shown, and as its file has it; its base's name where it is shown."""

    name: str
    model: str
    file: str
    is_student: bool = False
    base: str | None = None


def families(models: Sequence[Answering], kinds: Iterable[str] = KINDS) -> Families:
    """Every pair of models in the family that it belongs to, what was fitted before what it is held against.

    Families of one kind are told apart by their files, where there are several.
    """
    found: dict[tuple[str, str], list[Pair]] = {}
    ordered = sorted(models, key=lambda each: is_base(each.model))
    for one, other in combinations(ordered, 2):
        kind, file, pair = _placed(one, other)
        found.setdefault((kind, file), []).append(pair)
    wanted = tuple(kinds)
    chosen = {key: pairs for key, pairs in found.items() if key[0] in wanted}
    num_files = {kind: sum(key[0] == kind for key in chosen) for kind in KINDS}
    return {
        f"{kind} of {file}" if num_files[kind] > 1 else kind: chosen[kind, file]
        for kind, file in sorted(chosen, key=lambda key: KINDS.index(key[0]))
    }


def _placed(one: Answering, other: Answering) -> tuple[str, str, Pair]:
    """(kind, file, pair) of two models."""
    for mine, its in ((one, other), (other, one)):
        if mine.base == its.name:
            return BASES, mine.file, (mine.name, its.name)
        if is_ensemble(mine.model) and its.is_student and mine.file == its.file:
            return ENSEMBLES, mine.file, (mine.name, its.name)
    is_again = one.model == other.model and not is_base(one.model)
    return RUNS if is_again else OTHERS, "", (one.name, other.name)


def answering(names: Mapping[tuple[str, str], str]) -> list[Answering]:
    """The models that answered, from their names by (file, model): who is a student, and of what base.

    The manifest beside the predictions of a run tells it; without one, what has a `base:` of its name is a student.
    """
    found, students = [], {file: _students(file) for file in dict.fromkeys(file for file, _ in names)}
    for (file, model), name in names.items():
        own = base_name(model)
        base = students[file].get(model) or own
        is_student = model in students[file] or (file, own) in names
        found.append(Answering(name, model, file, is_student, names.get((file, base))))
    return found


def _students(file: str) -> Fields:
    run = stored(file).get("run") if file != "-" else None
    students = run.get("students") if isinstance(run, dict) else None
    told = students.items() if isinstance(students, dict) else ()
    return {name: base if isinstance(base, str) else None for name, base in told}
