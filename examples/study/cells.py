"""One cell: a seed's paths under one condition, through qrd's train and eval, to one row per student."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path as File
from typing import Any

from examples.study import bases, scoring
from examples.study.conditions import BASE, Condition
from examples.study.layout import QUIET, Size, Study
from examples.study.tasks import Rows, read, write
from qrd.config import EvalConfig, TrainConfig
from qrd.rows.disk import write_whole
from qrd.stages.eval import run as evaluating
from qrd.stages.train import run as train


def run(study: Study, seed: int, condition: Condition) -> Rows:
    """Run one cell and write its rows; those that are there already are read back."""
    done = study.rows(seed, condition)
    if done.is_file():
        return read(done)
    folder, begin = done.parent, time.perf_counter()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    trained = fit(study, seed, condition, folder)
    predictions = ask(study, folder, is_base=condition.name == BASE)
    order = [row["id"] for row in read(study.test)]
    shared = {"seed": seed, "condition": condition.name, "seconds": round(time.perf_counter() - begin, 1)}
    rows = [
        {**shared, "student": name, **scoring.scored(answers, order), **trained.get(name, {})}
        for name, answers in predictions.items()
        if name in condition.learners or name.startswith("ensemble:")
    ]
    shutil.rmtree(folder / "run", ignore_errors=True)
    write_whole(done, b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    return rows


def fit(study: Study, seed: int, condition: Condition, folder: File) -> dict[str, dict[str, Any]]:
    """Train the students below `folder`; what each trained on. The base is not trained."""
    if condition.name == BASE:
        return {}
    given = read(study.seed_paths(seed) / f"{condition.paths}.jsonl")
    write(folder / "paths.jsonl", sample(given, condition.share))
    students = tuple(f"{name}={study.base(name)}" for name in bases.NAMES)
    train.run(train_config(folder, students, seed, condition, study.size), QUIET)
    return scoring.lesson(folder / "run")


def train_config(folder: File, students: tuple[str, ...], seed: int, condition: Condition, size: Size) -> TrainConfig:
    """The options of one training: those that all conditions share, and the condition's own."""
    common = {
        "input": (str(folder / "paths.jsonl"),), "output": str(folder / "run"), "student": students, "seed": seed,
        "finetune": "full", "encoder": "embedded:minilm-l6", "learning_rate": (size.learning_rate,),
        "warmup_ratio": 0.05, "max_steps": size.steps, "per_device_train_batch_size": condition.batch,
        "micro_batch_tokens": 2048, "save_steps": 10**6, "quiet": True,
    }  # fmt: skip
    return TrainConfig(**{**common, **condition.options})


def sample(paths: Rows, share: float) -> Rows:
    """The paths of a share of the questions: always the same ones, and those of a smaller share among them."""
    if share == 1:
        return paths
    limit = share * 2**32
    return [path for path in paths if int(hashlib.sha256(path["id"].encode()).hexdigest()[:8], 16) < limit]


def ask(study: Study, folder: File, *, is_base: bool) -> dict[str, Rows]:
    """The predictions of each student below `folder`, and of their ensembles; or of the bases."""
    models = {study.base(name): name for name in bases.NAMES}
    asked = {"model": tuple(models)} if is_base else {"run": str(folder / "run"), "baseline": False}
    file = folder / "predictions.jsonl"
    config = EvalConfig(
        input=(str(study.test),),
        output=str(file),
        max_tokens=study.size.max_tokens,
        batch_size=120,
        quiet=True,
        **asked,
    )
    evaluating.run(config, QUIET)
    found: dict[str, Rows] = {}
    for row in read(file):
        found.setdefault(models.get(row["model"]) or row["model"], []).append(row)
    return found
