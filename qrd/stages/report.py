"""report: run folders, predictions and paths to one page.

Reads:   run folders of train, predictions, paths, in any order and number; the manifests beside them, and with --trace
         the files of paths that a run's manifests name, where those are unchanged.
Does:    counts, compares and draws what they hold.
Writes:  one HTML file that needs nothing else; with --figures each figure as an SVG file; one line on standard error.
Never:   asks or loads a model; lets a text of a row act as markup, script or address; states what no file says.
"""

from __future__ import annotations

import sys
from pathlib import Path as File

from qrd.config import ReportConfig
from qrd.console import Console
from qrd.errors import ConfigError, DataError
from qrd.evaluation.breakdown import UNKNOWN
from qrd.reports import words
from qrd.reports.contents import SECTIONS
from qrd.reports.document import Document
from qrd.reports.facts.gathered import Gathered, gather, groups_of
from qrd.reports.html import rendered
from qrd.reports.sections.accuracy import scored
from qrd.rows.disk import write_whole
from qrd.rows.manifest import Manifest
from qrd.stages import Tally


def run(config: ReportConfig, console: Console) -> Tally:
    """Write the page; the counts.

    Raises: ConfigError for an input or output that cannot be one; DataError naming bad rows; nothing is written then.
    """
    _refuse_outputs(config)
    manifest = Manifest("report", config, config.output)
    found = gather(config)
    for file in found.traced:
        console.say(f"reads {file} too, which the manifests name (--no-trace leaves it out)")
    if not (found.runs or found.num_rows):
        raise DataError(", ".join(config.input), None, None, "nothing to report: no row and no run folder")
    document = composed(found, config)
    _write(config, document)
    num_figures = len(document.figures())
    manifest.finish(
        inputs=found.sha256, rows_in=found.num_rows, rows_out=found.sample.num_rows, reasons={"bad": found.num_bad}
    )
    if config.output != "-":
        counts = ((found.num_rows, "row"), (len(found.runs), "run folder"), (num_figures, "figure"))
        console.say(f"{config.output}: {', '.join(words.counted(number, noun) for number, noun in counts)}")
    return Tally(num_in=found.num_rows, num_out=found.sample.num_rows, num_bad=found.num_bad)


def composed(found: Gathered, config: ReportConfig) -> Document:
    """The page of what was gathered."""
    summary = scored(found, compare=config.compare, seed=config.seed)
    parts = [section(found, summary) for section in SECTIONS]
    return Document(
        title=words.title_of(found),
        lead=words.lead_of(found, summary),
        tiles=words.tiles_of(found, summary),
        alarms=words.alarms_of(found, summary),
        sections=[part for part in parts if not part.is_empty()],
        absent=words.absent_of(found),
        sample=found.sample.as_json(lambda question: _difficulty(found, question)),
        sample_note=_sample_note(found),
    )


def _difficulty(found: Gathered, question: str) -> str | None:
    if question not in found.census.questions:
        return None
    level = groups_of(found, question)["difficulty"]
    return None if level == UNKNOWN else level


def _sample_note(found: Gathered) -> str:
    num_all = len(found.census) + len(found.answers)
    if found.sample.num_rows >= num_all:
        return f"All {num_all:,} paths and answers, by question."
    return (
        f"{found.sample.num_rows:,} of {num_all:,} paths and answers: whole questions, chosen by a hash of their ids "
        "(--sample). The figures and tables above count all."
    )


def _refuse_outputs(config: ReportConfig) -> None:
    """Raises: ConfigError where an output is an input, or cannot be written where it is to stand."""
    for name in config.input:
        if name != "-" and not File(name).exists():
            raise ConfigError(f"{name}: there is no such file or folder")
        if "-" not in (name, config.output) and File(name).resolve() == File(config.output).resolve():
            raise ConfigError(f"-o {config.output}: is an input; give another")
    if config.output != "-" and File(config.output).is_dir():
        raise ConfigError(f"-o {config.output}: is a folder; give a file, such as report.html")
    if config.figures is not None and File(config.figures).exists() and not File(config.figures).is_dir():
        raise ConfigError(f"--figures {config.figures}: is a file; give a folder")


def _write(config: ReportConfig, document: Document) -> None:
    """Write the figures, then the page. Raises: StorageError."""
    if config.figures is not None:
        for figure in document.figures():
            write_whole(File(config.figures) / f"{figure.slug}.svg", figure.standalone().encode())
    page = rendered(document).encode("utf-8", "replace")
    if config.output == "-":
        sys.stdout.buffer.write(page)
        sys.stdout.buffer.flush()
    else:
        write_whole(File(config.output), page)
