"""The filter command."""

from __future__ import annotations

from dataclasses import dataclass

from qrd.config.base import OUTPUT, Streaming
from qrd.errors import ConfigError
from qrd.knobs import knob


@dataclass(frozen=True, kw_only=True)
class FilterConfig(Streaming):
    """Paths to the paths worth training on."""

    require: tuple[str, ...] = knob(
        (),
        "What a path must be, comma-separated: correct, valid (default: both, where the data has both).",
        comma=True,
    )
    regrade: bool = knob(False, "Grade every path again, also those that have a prediction.")
    min_tokens: int | None = knob(None, "Drop responses of fewer tokens (whitespace words without usage).", low=1)
    max_tokens: int | None = knob(None, "Drop responses of more tokens (whitespace words without usage).", low=1)
    min_kept: int = knob(1, "Exit 7 when fewer paths are left.", low=0)
    rejects: str | None = knob(None, "File for the rest, each with its reject_reason.", group=OUTPUT)
    summary: str | None = knob(None, "JSON file with counts by reason, style and teacher.", group=OUTPUT)

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = set(self.require) - {"correct", "valid"}
        if unknown:
            raise ConfigError(f"--require: {', '.join(sorted(unknown))} is not one of correct, valid")
