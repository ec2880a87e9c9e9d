"""Options of `eval`."""

from __future__ import annotations

from dataclasses import dataclass

from qrd.config.base import LOCAL, MODEL_HELP, OUTPUT, SAMPLING, Calling, refuse_twice
from qrd.config.knobs import knob
from qrd.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class EvalConfig(Calling):
    """Questions to predictions and a table."""

    run: str | None = knob(None, "Run folder of qrd train: its students, their ensembles and their untrained bases.")
    model: tuple[str, ...] = knob((), f"Model to evaluate: {MODEL_HELP}. Repeatable.")
    baseline: bool = knob(
        True, "With --run: the untrained bases too. They take as long again as one student of each base."
    )
    engine: str = knob(
        "hf",
        "With --run: what runs the students, transformers or vLLM. Their adapters stay apart from the base, which is "
        "loaded once for all of them.",
        choices=("hf", "vllm"),
        group=LOCAL,
    )
    samples: int = knob(1, "Replies for each question and model.", low=1, group=SAMPLING)
    temperature: float = knob(0.0, "Sampling temperature; 0 is greedy.", low=0, high=5, group=SAMPLING)
    top_p: float = knob(1.0, "Nucleus sampling.", above=0, high=1, group=SAMPLING)
    max_tokens: int = knob(512, "Longest reply, in tokens.", low=1, group=SAMPLING)
    compare: bool = knob(False, "INPUT are predictions: compare their models pairwise, and ask none.")
    export: str | None = knob(
        None,
        "Ask nothing: write this evaluation to the folder OUTPUT as a task of lm-evaluation-harness or inspect_ai, and "
        "print the commands that run it there.",
        choices=("lm-eval", "inspect-ai"),
    )
    summary: str | None = knob(None, "JSON file with the table.", group=OUTPUT)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_twice("--model", self.model, "--samples asks it for more replies")
        if self.engine != "hf" and self.model and self.run is None:
            raise ConfigError(f"--engine {self.engine}: is for the students of --run; name models as vllm:NAME")

    def models(self) -> tuple[str, ...]:
        """Models by name, and what the students of a run are to the engine."""
        return (*self.model, *([f"{self.engine}:{self.run}"] if self.run else []))
