"""The report command."""

from __future__ import annotations

from dataclasses import dataclass

from qrd.config.base import OUTPUT, Command
from qrd.config.knobs import knob
from qrd.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ReportConfig(Command):
    """Run folders, predictions and paths to one page."""

    input: tuple[str, ...] = knob(
        (),
        "Run folders, and JSONL files of predictions or of paths, in any order; - is standard input.",
        positional=True,
        required=True,
    )
    output: str = knob("-", "HTML file to write; - is standard output.", short="-o", group=OUTPUT)
    compare: bool = knob(False, "Set the runs side by side, and compare their students with each other.")
    figures: str | None = knob(None, "Folder for the figures, each an SVG file.", group=OUTPUT)
    trace: bool = knob(True, "Read the paths that a run was trained on too, as its manifests name them.")
    sample: int = knob(10_000, "Paths and answers, at most, that can be browsed; figures and tables count all.", low=0)
    seed: int = knob(0, "Seed of the resampling behind the intervals of differences.")
    skip_bad: bool = knob(False, "Set rows that cannot be read aside and go on (exit 3).", group=OUTPUT)

    def __post_init__(self) -> None:
        if self.input.count("-") > 1:
            raise ConfigError("-: standard input can be read only once")
