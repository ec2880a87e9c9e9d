"""What several commands take: rows in, rows out, and models that are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qrd.config.knobs import knob
from qrd.errors import ConfigError
from qrd.models import names

MODEL_HELP = names.either(["a litellm name (openai/gpt-4o-mini)", *names.forms()])

SAMPLING, API, LOCAL, CLUSTER, OUTPUT = "Sampling", "API", "Local models", "Cluster", "Input and output"


@dataclass(frozen=True, kw_only=True)
class Command:
    """What every command takes."""

    quiet: bool = knob(False, "No progress, tables or messages.", group=OUTPUT)
    debug: bool = knob(False, "Show the traceback of an error.", group=OUTPUT)


@dataclass(frozen=True, kw_only=True)
class Streaming(Command):
    """Rows in, rows out."""

    input: tuple[str, ...] = knob(("-",), "JSONL files, read in order; - is standard input.", positional=True)
    output: str = knob("-", "File to write; - is standard output.", short="-o", group=OUTPUT)
    limit: int | None = knob(None, "Read only the first N rows.", low=1, group=OUTPUT)
    shard: str | None = knob(None, "Take part I of N, as I/N from 1/N to N/N: stable by question id.", group=OUTPUT)
    resume: bool = knob(
        True, "Go on with, or replace, the OUTPUT that is there; --no-resume sets it aside first.", group=OUTPUT
    )
    skip_bad: bool = knob(False, "Set rows that cannot be read aside and go on (exit 3).", group=OUTPUT)

    def __post_init__(self) -> None:
        if self.shard is not None:
            self.shard_parts()

    def shard_parts(self) -> tuple[int, int]:
        """(I, N) with 1 <= I <= N; (1, 1) without --shard."""
        if self.shard is None:
            return 1, 1
        part, slash, total = self.shard.partition("/")
        if not (slash and part.isascii() and part.isdigit() and total.isascii() and total.isdigit()):
            raise ConfigError(f"--shard: found {self.shard!r}, expected I/N such as 2/8")
        if not 1 <= int(part) <= int(total):
            raise ConfigError(f"--shard: part {part} is not between 1 and {total}")
        return int(part), int(total)


@dataclass(frozen=True, kw_only=True)
class Calling(Streaming):
    """A command that asks models."""

    seed: int = knob(0, "Seed of everything drawn here.", group=SAMPLING)
    concurrency: int = knob(16, "API calls in flight at once; 429s lower it for a while.", low=1, high=4096, group=API)
    rpm: int | None = knob(None, "API requests a minute, at most.", low=1, group=API)
    tpm: int | None = knob(None, "API tokens a minute, at most.", low=1, group=API)
    timeout: float = knob(120.0, "Seconds one API call may take.", above=0, group=API)
    retries: int = knob(5, "Tries after the first, for errors that pass.", low=0, high=100, group=API)
    max_cost: float | None = knob(
        None, "US dollars that this output may cost, failed calls included, over all restarts.", above=0, group=API
    )
    cost_file: str | None = knob(
        None, "Account that several runs share, such as generate | judge: --max-cost bounds them together.", group=API
    )
    allow_unpriced: bool = knob(False, "With --max-cost: accept models of unknown price (counted as free).", group=API)
    api_base: str | None = knob(None, "URL of an OpenAI-compatible server.", group=API)
    batch_size: int = knob(16, "Requests run together by hf: and embedded: models.", low=1, group=LOCAL)
    device: str | None = knob(None, "Torch device of hf: models (default: cuda where there is one).", group=LOCAL)
    dtype: str = knob(
        "auto",
        "Weights of local models; auto is bfloat16 on a GPU that has it, else float32.",
        choices=("auto", "float32", "bfloat16", "float16"),
        group=LOCAL,
    )
    trust_remote_code: bool = knob(False, "Run Python code that a model's folder brings.", group=LOCAL)
    tensor_parallel_size: int = knob(1, "GPUs that one vllm: model is spread over.", low=1, group=LOCAL)
    on: str | None = knob(
        None,
        "Ask from workers on a Ray cluster: ray (the one at hand, else one started here) or ray://HOST:PORT. They "
        "share --concurrency, --rpm and --tpm; this process alone writes.",
        group=CLUSTER,
    )
    workers: int | None = knob(
        None,
        "With --on: workers of each model (default: one a node for an API, else as many as GPUs or processors allow).",
        low=1,
        group=CLUSTER,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_cluster()
        models = self.models()
        if self.tensor_parallel_size > 1 and models and not any(names.parsed(model).kind == "vllm" for model in models):
            raise ConfigError(f"--tensor-parallel-size: none of {', '.join(models)} is a vllm: model")

    def _check_cluster(self) -> None:
        if self.on is None:
            if self.workers is not None:
                raise ConfigError("--workers: are those of a cluster; give --on too")
            return
        if self.on != "ray" and not self.on.startswith("ray://"):
            raise ConfigError(f"--on: found {self.on!r}, expected ray or ray://HOST:PORT")
        for name in ("max_cost", "cost_file"):
            if getattr(self, name) is not None:
                raise ConfigError(
                    f"--{name.replace('_', '-')}: cannot be kept with --on, whose workers know no common sum"
                )

    def models(self) -> tuple[str, ...]:
        """The models that this configuration names; each command says which."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Batching(Calling):
    """A command whose requests may go into a provider's batches."""

    batch: bool = knob(
        False, "Submit to the provider's batch API and leave; the same command collects, at half the price.", group=API
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch and (self.output == "-" or "-" in self.input):
            raise ConfigError("--batch: needs INPUT and -o OUTPUT as files, to come back to")
        if self.batch and self.on is not None:
            raise ConfigError("--batch: leaves the work to the provider; there is none for the workers of --on")


def refuse_twice(option: str, models: Sequence[str], instead: str) -> None:
    """Nothing. Raises: ConfigError for a model that is named twice: it would be paid twice for one reply."""
    for model in models:
        if models.count(model) > 1:
            raise ConfigError(f"{option} {model}: is given twice; {instead}")
