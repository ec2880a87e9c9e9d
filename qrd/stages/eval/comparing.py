"""eval --compare: predictions to paired comparisons.

Reads:   predictions, in one file or several.
Does:    compares every two models on the questions that both answered, corrected for the comparisons of its family.
Writes:  one comparison a line; the tables on standard error; --summary.
Never:   asks or loads a model; compares answers to different questions.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from pathlib import Path as File

from qrd.config import EvalConfig, knobs
from qrd.config.base import API, LOCAL, SAMPLING
from qrd.console import Console
from qrd.errors import ConfigError
from qrd.evaluation.families import Answering, answering, families
from qrd.evaluation.summary import summarised
from qrd.evaluation.table import show
from qrd.evaluation.together import checked_together
from qrd.rows.disk import write_json
from qrd.rows.manifest import Manifest
from qrd.rows.reader import Reader, Row
from qrd.rows.records import Fields, Prediction
from qrd.rows.writer import replacing
from qrd.stages import Tally, selecting


def run(config: EvalConfig, console: Console) -> Tally:
    """Compare the models of all inputs; the counts of this run.

    Raises: ConfigError for options that only asking a model uses, or where fewer than two models are found;
    DataError where one id stands for different questions.
    """
    _refuse_unused(config)
    manifest = Manifest("eval", config, config.output)
    reader = Reader(config.input, Prediction, unique=None, skip_bad=config.skip_bad, needs_rows=True)
    rows, models = named(checked_together(list(selecting.selected(reader, config))))
    selecting.report_bad(reader, console)
    if len(models) < 2:
        names = ", ".join(model.name for model in models)
        raise ConfigError(f"--compare needs predictions of two models; found {names or 'none'}")
    summary = summarised(rows, families(models), seed=config.seed)
    with replacing(config.output, resume=config.resume) as writer:
        for comparison in summary["comparisons"]:
            writer.write(comparison)
    num_out, num_bad = len(summary["comparisons"]), len(reader.bad)
    manifest.finish(inputs=reader.sha256, rows_in=reader.num_rows, rows_out=num_out, reasons={"bad": num_bad})
    show(summary, console)
    write_summary(config, summary)
    return Tally(num_in=reader.num_rows, num_out=num_out, num_bad=num_bad)


def write_summary(config: EvalConfig, summary: Fields) -> None:
    """Write the figures to --summary, where that is given."""
    if config.summary:
        write_json(File(config.summary), summary)


def _refuse_unused(config: EvalConfig) -> None:
    for field in dataclasses.fields(config):
        asks = field.metadata["group"] in (SAMPLING, API, LOCAL) or field.name in ("run", "model", "baseline", "export")
        if asks and field.name != "seed" and getattr(config, field.name) != field.default:
            raise ConfigError(f"{knobs.flag_of(field.name)}: --compare asks no model; leave it out")
    for name in config.input:
        if config.output != "-" and File(config.output).resolve() == File(name).resolve():
            raise ConfigError(f"-o {config.output}: is an input; give another")


def named(rows: list[Row[Prediction]]) -> tuple[list[Fields], list[Answering]]:
    """The predictions and their models; a model that stands in several files is told apart by the file's name."""
    files: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        files[row.record.model].add(row.file)
    found = []
    names: dict[tuple[str, str], str] = {}
    for row in rows:
        model = row.record.model
        name = names.setdefault((row.file, model), f"{model} ({row.file})" if len(files[model]) > 1 else model)
        graded = {"prediction": row.record.prediction, "correct": row.record.correct}
        found.append({**row.fields, **graded, "model": name})
    return found, answering(names)
