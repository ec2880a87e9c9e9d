"""Options of `judge`."""

from __future__ import annotations

from dataclasses import dataclass

from qrd.config.base import MODEL_HELP, OUTPUT, SAMPLING, Batching, refuse_twice
from qrd.config.knobs import knob
from qrd.errors import ConfigError

MAX_UNSCORED = 0.02


@dataclass(frozen=True, kw_only=True)
class JudgeConfig(Batching):
    """Paths to judged paths."""

    judge: tuple[str, ...] = knob((), f"Model that judges: {MODEL_HELP}. Repeatable: a panel.", required=True)
    votes: int = knob(1, "Verdicts asked of each judge.", low=1, high=99)
    rubric: str = knob("sound", "Name of a rubric (sound, brief, score, steps), or a TOML file.")
    threshold: int | None = knob(
        None, "With a rubric of scores: valid from this score on, 1 to 10 (default: the rubric's).", low=1, high=10
    )
    schema: str = knob(
        "auto",
        "Replies in JSON that the provider holds to a schema; auto: where it is known to do so. Else in two lines.",
        choices=("auto", "always", "never"),
    )
    all: bool = knob(False, "Judge wrong and unanswered paths too, not only the right ones.")
    canaries: str | None = knob(
        None,
        "Paths judged at the start, in the middle and at the end, to see a judge change: a JSONL file of paths whose "
        "`verdict` is known, or wrong, for paths of INPUT whose answer is wrong.",
    )
    max_drift: float | None = knob(
        None,
        "With --canaries: how far the share a judge gets right may fall before exit 7 (default: 0.2).",
        low=0,
        high=1,
    )
    against: str | None = knob(
        None,
        "JSONL file of known labels, path_id and verdict, such as FILE.marks.jsonl of inspect: judge these paths "
        "alone, and tell precision, recall and kappa of each judge.",
    )
    summary: str | None = knob(None, "With --against: JSON file with the table.", group=OUTPUT)
    temperature: float = knob(0.0, "Sampling temperature; 0 is greedy.", low=0, high=5, group=SAMPLING)
    top_p: float = knob(1.0, "Nucleus sampling.", above=0, high=1, group=SAMPLING)
    max_tokens: int = knob(256, "Longest verdict, in tokens.", low=1, group=SAMPLING)
    max_unscored: float = knob(
        MAX_UNSCORED, "Share of a judge's verdicts that may be unreadable before exit 7.", low=0, high=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_twice("--judge", self.judge, "--votes asks it for more verdicts")
        if self.summary is not None and self.against is None:
            raise ConfigError("--summary holds the table of --against; give that too")
        if self.max_drift is not None and self.canaries is None:
            raise ConfigError("--max-drift is how far a judge may change on --canaries; give those too")
        if self.canaries is not None and self.batch:
            raise ConfigError("--canaries are judged between other paths, --batch sends all at once; leave one out")

    def models(self) -> tuple[str, ...]:
        """The judges."""
        return self.judge
