"""Whether each key that a manifest's configuration plans is in the output, or among the rejected or the failed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path as File
from typing import Any, TypeGuard

from qrd.config import EvalConfig, FilterConfig, GenerateConfig, JudgeConfig, knobs
from qrd.errors import ConfigError, DataError
from qrd.models.names import is_ensemble
from qrd.rows.manifest import sha256_of
from qrd.rows.reader import Reader
from qrd.rows.records import Path, Question
from qrd.stages import planning, selecting
from qrd.stages.verify.ledger import Key, Ledger, Told, shown
from qrd.stages.verify.named import is_read

MOST_PLANNED, MOST_MISSING = 2**24, 2**16  # a manifest that plans without measure is not followed further
MOST_STYLE_BYTES = 2**20


def check_planned(file: str, told: Told, ledger: Ledger) -> str:
    """Whether all planned keys are there, in words; inputs that have changed since say nothing of an older run."""
    if told.command not in PLANS:
        return "counts and hash checked"
    if told.command == "filter" and any(told.reasons.values()) and not is_written(told.config.get("rejects")):
        return "planned keys not checked: the rejected ones were not written (--rejects)"
    kind, plan = PLANS[told.command]
    try:
        config = knobs.build(kind, told.config)
        _refuse_unsafe(config, told)
        num_planned, missing = _gone_through(plan(config, ledger), ledger)
    except (ConfigError, DataError) as error:
        return f"planned keys not checked: {error}"
    for key in missing if told.finished else ():
        ledger.blame(file, None, f"{shown(key)} was planned and is neither here nor rejected nor failed")
    more = "at least " if len(missing) == MOST_MISSING or num_planned == MOST_PLANNED else ""
    return f"{num_planned - len(missing)} of {more}{num_planned} planned keys found"


def is_written(rejects: Any) -> TypeGuard[str]:
    """Whether the --rejects of a manifest were written to a file."""
    return isinstance(rejects, str) and rejects != "-" and (os.path.isfile(rejects) or not os.path.exists(rejects))


def _gone_through(planned: Iterator[Key], ledger: Ledger) -> tuple[int, list[Key]]:
    """How many keys are planned, and those of them that are nowhere."""
    num_planned, missing = 0, []
    for key in islice(planned, MOST_PLANNED):
        num_planned += 1
        if key not in ledger.places:
            missing.append(key)
            if len(missing) == MOST_MISSING:
                break
    return num_planned, missing


def _refuse_unsafe(config: Any, told: Told) -> None:
    """Nothing. Raises: ConfigError where a manifest would have something read that is not what was read then."""
    for name in config.input:
        file = File(name)
        if not is_read(file) or sha256_of(file) != told.inputs.get(name):
            raise ConfigError(f"the input {name} is not there or has changed since")
    for name in getattr(config, "style_file", ()):
        if not os.path.isfile(name) or os.path.getsize(name) > MOST_STYLE_BYTES:
            raise ConfigError(f"the style file {name} is not there")


def _planned_paths(config: GenerateConfig, ledger: Ledger) -> Iterator[Key]:
    rows = list(selecting.selected(Reader(config.input, Question, unique="id", skip_bad=config.skip_bad), config))
    return ((item.path_id,) for teacher in config.teacher for item in planning.planned(rows, config, teacher))


def _given_paths(config: JudgeConfig | FilterConfig, ledger: Ledger) -> Iterator[Key]:
    reader = Reader(config.input, Path, unique="path_id", skip_bad=config.skip_bad)
    return ((row.record.path_id,) for row in selecting.selected(reader, config))


def _planned_predictions(config: EvalConfig, ledger: Ledger) -> Iterator[Key]:
    """Those of the models that are named, and of every one that has some: students are not read from their folder."""
    models = {model for model, _, _ in ledger.places if not is_ensemble(str(model))} | set(config.model)
    reader = Reader(config.input, Question, unique="id", skip_bad=config.skip_bad)
    for row in selecting.selected(reader, config):
        for model in models:
            yield from ((model, row.record.id, sample) for sample in range(config.samples))


PLANS: dict[str, tuple[Any, Any]] = {
    "generate": (GenerateConfig, _planned_paths),
    "judge": (JudgeConfig, _given_paths),
    "filter": (FilterConfig, _given_paths),
    "eval": (EvalConfig, _planned_predictions),
}
