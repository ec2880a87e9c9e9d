"""Options of `generate`."""

from __future__ import annotations

from dataclasses import dataclass

from qrd.config.base import MODEL_HELP, SAMPLING, Batching, refuse_twice
from qrd.config.knobs import knob

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

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_twice("--teacher", self.teacher, "--samples asks it for more paths")

    def models(self) -> tuple[str, ...]:
        """The teachers."""
        return self.teacher
