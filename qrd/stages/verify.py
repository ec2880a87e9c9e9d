"""verify: files that qrd wrote, checked against their manifests.

Reads:   each FILE with FILE.manifest.json, FILE.failed.jsonl and the --rejects of filter; inputs that are still there.
Does:    checks that every row is whole and every key stands once, that counts and hashes are those of the manifest, and
         that each planned key is in the output, among the rejected or among the failed.
Writes:  a line for each file on standard error; no file.
Never:   asks a model; takes a file for sound that has no manifest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

import msgspec

from qrd import knobs
from qrd.companions import FAILED
from qrd.config import EvalConfig, FilterConfig, GenerateConfig, JudgeConfig, VerifyConfig
from qrd.console import Console
from qrd.errors import ConfigError, DataError
from qrd.jsonl import Reader, bad_lines
from qrd.lines import BadLines
from qrd.manifest import beside, sha256_of, stored
from qrd.records import Fields, Path, Question
from qrd.stages import asking, generate

KEYS = {"eval": ("model", "id", "sample"), "data import": ("id",)}
PATH_KEY = ("path_id",)
COUNTED_ELSEWHERE = ("bad", "failed", "not_selected")
Key = tuple[Any, ...]


class AnyRow(msgspec.Struct):
    """A row of no kind in particular."""


@dataclass
class Told:
    """What a manifest says; a field of another type than it should have is as good as missing."""

    command: str
    config: Fields
    sha256: Any
    inputs: list[Fields]
    num_out: Any
    reasons: Fields
    finished: bool

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Told:
        """The parts of a manifest that are checked here."""
        inputs = [item for item in _as(list, facts.get("inputs")) if isinstance(item, dict)]
        return cls(
            command=str(facts.get("command")),
            config=_as(dict, facts.get("config")),
            sha256=_as(dict, facts.get("output")).get("sha256"),
            inputs=inputs,
            num_out=facts.get("rows_out"),
            reasons=_as(dict, facts.get("reasons")),
            finished=facts.get("finished") is True,
        )


@dataclass
class Ledger:
    """Where each key of an output stands, and what is wrong; `keys` of several files may be compared."""

    names: tuple[str, ...]
    wrong: BadLines
    places: dict[Key, str] = field(default_factory=dict)

    def blame(self, file: str, line: int | None, problem: str) -> None:
        """Note what is wrong."""
        self.wrong.append(DataError(file, line, None, problem))

    def enter(self, file: str, *, once: bool = True) -> list[Fields]:
        """The rows of a file without what is not needed here; each key is noted, with `once` also where it repeats."""
        reader, rows = Reader([file], AnyRow, unique=None, skip_bad=True), []
        for row in reader:
            key = tuple(row.fields.get(name) for name in self.names)
            before = self.places.get(key)
            if None in key:
                self.blame(file, row.line, f"has no {' and '.join(self.names)}")
            elif before is None:
                self.places[key] = f"{file}:{row.line}"
            elif once:
                self.blame(file, row.line, f"{_shown(key)} stands here again, first at {before}")
            rows.append({"reject_reason": row.fields.get("reject_reason")})
        for error in reader.bad.first:
            self.wrong.append(error)
        return rows


def run(config: VerifyConfig, console: Console) -> int:
    """The number of files, all of which are as their manifests say.

    Raises: DataError that names, with file and line, what is not.
    """
    wrong = BadLines()
    for file in config.input:
        num_before = len(wrong)
        words = verify(file, wrong)
        console.say(f"{file}: {words}" + ("" if len(wrong) == num_before else "; NOT as its manifest says"))
    if wrong:
        raise bad_lines(wrong)
    return len(config.input)


def verify(file: str, wrong: BadLines) -> str:
    """What was checked, in words; `wrong` gets what is not as it should be."""
    facts = stored(file)
    if not facts or not File(file).is_file():
        missing = file if facts else str(beside(file))
        wrong.append(DataError(missing, None, None, "is missing or cannot be read; nothing can be verified"))
        return "not verified"
    told = Told.of(facts)
    ledger = Ledger(KEYS.get(told.command, PATH_KEY), wrong)
    if not told.finished:
        ledger.blame(file, None, "the run that wrote it has not finished; the same command goes on")
    elif sha256_of(File(file)) != told.sha256:
        ledger.blame(file, None, f"its SHA-256 is not the {told.sha256} of its manifest: it was changed since")
    if file.endswith(".parquet"):
        return "hash checked"
    num_rows = len(ledger.enter(file))
    if told.finished and num_rows != told.num_out:
        ledger.blame(file, None, f"holds {num_rows} rows, its manifest says {told.num_out}")
    num_elsewhere = _enter_rejected(told, ledger) + _enter_failed(file, told, ledger)
    return f"{num_rows} rows, {num_elsewhere} rejected or failed, {_check_planned(file, told, ledger)}"


def _enter_rejected(told: Told, ledger: Ledger) -> int:
    rejects = told.config.get("rejects")
    if told.command != "filter" or not isinstance(rejects, str) or not File(rejects).is_file():
        return 0
    rows = ledger.enter(rejects)
    found = Counter(row["reject_reason"] for row in rows)
    said = {reason: number for reason, number in told.reasons.items() if number and reason not in COUNTED_ELSEWHERE}
    if found != said:
        ledger.blame(rejects, None, f"holds {_counts(found)}, the manifest says {_counts(said)}")
    return len(rows)


def _enter_failed(file: str, told: Told, ledger: Ledger) -> int:
    failed = str(FAILED.of(file))
    # A path may have failed before several judges.
    num_failed = len(ledger.enter(failed, once=told.command != "judge")) if File(failed).is_file() else 0
    if told.finished and num_failed != told.reasons.get("failed", 0):
        ledger.blame(failed, None, f"holds {num_failed} rows, the manifest says {told.reasons.get('failed', 0)}")
    return num_failed


def _check_planned(file: str, told: Told, ledger: Ledger) -> str:
    """Whether all planned keys are there, in words; inputs that have changed since say nothing of an older run."""
    if told.command not in PLANS:
        return "counts and hash checked"
    if told.command == "filter" and any(told.reasons.values()) and not told.config.get("rejects"):
        return "planned keys not checked: the rejected ones were not written (--rejects)"
    for item in told.inputs:
        if sha256_of(File(str(item.get("file")))) != item.get("sha256"):
            return f"planned keys not checked: the input {item.get('file')} is not there or has changed since"
    kind, plan = PLANS[told.command]
    try:
        planned = set(plan(knobs.build(kind, told.config), ledger))
    except (ConfigError, DataError) as error:
        return f"planned keys not checked: {error}"
    missing = sorted(planned - ledger.places.keys(), key=str)
    for key in missing if told.finished else ():
        ledger.blame(file, None, f"{_shown(key)} was planned and is neither here nor rejected nor failed")
    return f"{len(planned) - len(missing)} of {len(planned)} planned keys found"


def _planned_paths(config: GenerateConfig, ledger: Ledger) -> Iterator[Key]:
    rows = list(asking.selected(Reader(config.input, Question, unique="id", skip_bad=config.skip_bad), config))
    return ((item.path_id,) for teacher in config.teacher for item in generate.planned(rows, config, teacher))


def _given_paths(config: JudgeConfig | FilterConfig, ledger: Ledger) -> Iterator[Key]:
    reader = Reader(config.input, Path, unique="path_id", skip_bad=config.skip_bad)
    return ((row.record.path_id,) for row in asking.selected(reader, config))


def _planned_predictions(config: EvalConfig, ledger: Ledger) -> Iterator[Key]:
    """Those of the models that are named, and of every one that has some: students are not read from their folder."""
    models = {model for model, _, _ in ledger.places if not str(model).startswith("ensemble:")} | set(config.model)
    reader = Reader(config.input, Question, unique="id", skip_bad=config.skip_bad)
    for row in asking.selected(reader, config):
        for model in models:
            yield from ((model, row.record.id, sample) for sample in range(config.samples))


PLANS: dict[str, tuple[Any, Any]] = {
    "generate": (GenerateConfig, _planned_paths),
    "judge": (JudgeConfig, _given_paths),
    "filter": (FilterConfig, _given_paths),
    "eval": (EvalConfig, _planned_predictions),
}


def _as(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) else kind()


def _shown(key: Key) -> str:
    return " ".join(map(str, key))


def _counts(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in sorted(counts.items(), key=str)) or "none"
