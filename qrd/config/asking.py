"""Commands that ask models: generate, judge, eval."""

from __future__ import annotations

from dataclasses import dataclass

from qrd.config.base import MODEL_HELP, OUTPUT, SAMPLING, Batching, Calling
from qrd.knobs import knob

STYLES = ("vanilla", "cot", "tot", "program", "backward", "facts")  # paper, section 2.2


@dataclass(frozen=True, kw_only=True)
class GenerateConfig(Batching):
    """Questions to reasoning paths."""

    teacher: tuple[str, ...] = knob((), f"Model that writes the paths: {MODEL_HELP}. Repeatable.", required=True)
    styles: tuple[str, ...] = knob(STYLES, "Reasoning styles, comma-separated.", comma=True)
    style_file: tuple[str, ...] = knob((), "TOML file with a style of your own. Repeatable.")
    samples: int = knob(1, "Paths for each question, teacher and style.", low=1, group=SAMPLING)
    # The paper does not give a temperature; its released prompts ran at the API's default, which is 1.0. 0.7 is what
    # the field uses for diverse yet sound paths.
    temperature: float = knob(0.7, "Sampling temperature; 0 is greedy.", low=0, high=5, group=SAMPLING)
    top_p: float = knob(1.0, "Nucleus sampling.", above=0, high=1, group=SAMPLING)
    max_tokens: int = knob(1024, "Longest reply, in tokens.", low=1, group=SAMPLING)
    dry_run: bool = knob(False, "Print the number of calls, their tokens and their cost, and call nothing.")


@dataclass(frozen=True, kw_only=True)
class JudgeConfig(Batching):
    """Paths to judged paths."""

    judge: tuple[str, ...] = knob((), f"Model that judges: {MODEL_HELP}. Repeatable: a panel.", required=True)
    votes: int = knob(1, "Verdicts asked of each judge.", low=1, high=99)
    rubric: str = knob("sound", "Name of a rubric, or a TOML file.")
    all: bool = knob(False, "Judge wrong and unanswered paths too, not only the right ones.")
    temperature: float = knob(0.0, "Sampling temperature; 0 is greedy.", low=0, high=5, group=SAMPLING)
    top_p: float = knob(1.0, "Nucleus sampling.", above=0, high=1, group=SAMPLING)
    max_tokens: int = knob(256, "Longest verdict, in tokens.", low=1, group=SAMPLING)
    max_unscored: float = knob(0.02, "Share of verdicts that may be unreadable before exit 7.", low=0, high=1)


@dataclass(frozen=True, kw_only=True)
class EvalConfig(Calling):
    """Questions to predictions and a table."""

    run: str | None = knob(
        None, "Run folder of qrd train: its students, their ensemble, and with --baseline the bases."
    )
    model: tuple[str, ...] = knob((), f"Model to evaluate: {MODEL_HELP}. Repeatable.")
    baseline: bool = knob(True, "With --run: the untrained bases too.")
    samples: int = knob(1, "Replies for each question and model.", low=1, group=SAMPLING)
    temperature: float = knob(0.0, "Sampling temperature; 0 is greedy.", low=0, high=5, group=SAMPLING)
    top_p: float = knob(1.0, "Nucleus sampling.", above=0, high=1, group=SAMPLING)
    max_tokens: int = knob(512, "Longest reply, in tokens.", low=1, group=SAMPLING)
    compare: bool = knob(False, "INPUT are predictions: compare their models pairwise, and ask none.")
    summary: str | None = knob(None, "JSON file with the table.", group=OUTPUT)
