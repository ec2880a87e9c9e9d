"""The filter command."""

from __future__ import annotations

from dataclasses import dataclass

from qrd.config.base import OUTPUT, Streaming
from qrd.config.knobs import knob
from qrd.errors import ConfigError

COUNTED = "as the backend counted them, else words; --tokenizer counts anew"


@dataclass(frozen=True, kw_only=True)
class FilterConfig(Streaming):
    """Paths to the paths worth training on."""

    require: tuple[str, ...] = knob(
        (),
        "What a path must be, comma-separated: correct, valid (default: both, where the data has both).",
        comma=True,
    )
    regrade: bool = knob(False, "Grade every path again, also those that have a prediction.")
    min_tokens: int | None = knob(None, f"Drop responses of fewer tokens ({COUNTED}).", low=1)
    max_tokens: int | None = knob(None, f"Drop responses of more tokens ({COUNTED}).", low=1)
    tokenizer: str | None = knob(
        None, "Tokenizer that counts for --min-tokens and --max-tokens: a folder, a hub name or embedded:NAME."
    )
    language: str | None = knob(None, "Drop responses that are surely in another language than this (en, de, ...).")
    decontaminate: tuple[str, ...] = knob(
        (), "File of test questions; drop paths whose question or response repeats one. Repeatable."
    )
    dedupe: float | None = knob(
        None, "Drop responses that share this part of their word triples with one kept before.", above=0, high=1
    )
    max_per_style: int | None = knob(None, "Keep only the first N paths of one style for each question.", low=1)
    max_per_teacher: int | None = knob(None, "Keep only the first N paths of one teacher for each question.", low=1)
    top_k: int | None = knob(
        None, "Keep the best N paths of each question: more judges for it, then verdict, then fewer tokens.", low=1
    )
    flag: bool = knob(False, "Drop nothing: keep every path, with `flags`, the reasons of all rules against it.")
    min_kept: int = knob(1, "Exit 7 when fewer paths are left.", low=0)
    rejects: str | None = knob(None, "File for the rest, each with its reject_reason.", group=OUTPUT)
    summary: str | None = knob(
        None, "JSON file with counts by reason, style, teacher and difficulty, and coverage.", group=OUTPUT
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = set(self.require) - {"correct", "valid"}
        if unknown:
            raise ConfigError(f"--require: {', '.join(sorted(unknown))} is not one of correct, valid")
        if self.tokenizer is not None and self.min_tokens is None and self.max_tokens is None:
            raise ConfigError("--tokenizer counts for --min-tokens and --max-tokens; give one of them")
        if self.flag and self.rejects is not None:
            raise ConfigError("--flag drops nothing, so there is nothing to put in --rejects; leave one of them out")
        if "-" in self.decontaminate:
            raise ConfigError("--decontaminate: test questions are read from files; - is not one")
