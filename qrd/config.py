"""One frozen dataclass per command: every option with its unit, range and the source of its default.

Option names follow transformers and TRL where those have one. Times are seconds, money is US dollars, lengths tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

from qrd.errors import ConfigError
from qrd.knobs import knob

STYLES = ("vanilla", "cot", "tot", "program", "backward", "facts")  # paper, section 2.2
MODEL_HELP = "a litellm name (openai/gpt-4o-mini), hf:NAME_OR_FOLDER, vllm:NAME_OR_FOLDER or embedded:NAME"

SAMPLING, API, LOCAL, OUTPUT = "Sampling", "API", "Local models", "Input and output"


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
    concurrency: int = knob(16, "API calls in flight at once.", low=1, high=4096, group=API)
    rpm: int | None = knob(None, "API requests a minute, at most.", low=1, group=API)
    tpm: int | None = knob(None, "API tokens a minute, at most.", low=1, group=API)
    timeout: float = knob(120.0, "Seconds one API call may take.", above=0, group=API)
    retries: int = knob(5, "Tries after the first, for errors that pass.", low=0, high=100, group=API)
    max_cost: float | None = knob(None, "US dollars that this output may cost, over all restarts.", above=0, group=API)
    allow_unpriced: bool = knob(False, "With --max-cost: accept models of unknown price (counted as free).", group=API)
    api_base: str | None = knob(None, "URL of an OpenAI-compatible server.", group=API)
    batch_size: int = knob(16, "Requests run together by hf: and embedded: models.", low=1, group=LOCAL)
    device: str | None = knob(None, "Torch device of hf: models (default: cuda where there is one).", group=LOCAL)
    dtype: str = knob(
        "auto",
        "Weights of local models; auto is bfloat16 on a GPU, float32 on a CPU.",
        choices=("auto", "float32", "bfloat16", "float16"),
        group=LOCAL,
    )
    trust_remote_code: bool = knob(False, "Run Python code that a model's folder brings.", group=LOCAL)


@dataclass(frozen=True, kw_only=True)
class GenerateConfig(Calling):
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
class JudgeConfig(Calling):
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
    summary: str | None = knob(None, "JSON file with the table.", group=OUTPUT)


@dataclass(frozen=True, kw_only=True)
class DataImportConfig(Streaming):
    """Data sets as published to questions."""

    name: str | None = knob(
        None,
        "gsm8k, math, arc, commonsense_qa, strategy_qa, anli, date, tabmwp, plain (question and answer) or "
        "reasoning-gym:TASK.",
        required=True,
        positional=True,
    )
    input: tuple[str, ...] = knob(
        ("-",), "JSONL, JSON, CSV or Parquet files, or folders of them; - is standard input.", positional=True
    )
    split: str = knob("train", "Part of the data set; also the middle of each id.")
    dataset: str | None = knob(None, "Name in ids and in meta.dataset (default: NAME; for plain the file's name).")
    keep_ids: bool = knob(False, "Keep the ids that the rows bring, instead of DATASET-SPLIT-00000.")
    hub: bool = knob(False, "Read the data set from the hub by its name (needs the package datasets).")
    subset: str | None = knob(None, "Configuration on the hub, such as ARC-Easy; round of ANLI; subject of MATH.")
    count: int = knob(100, "Questions to make with reasoning-gym.", low=1)
    seed: int = knob(0, "Seed of reasoning-gym; keep seeds further apart than --count.")
    gym_options: str | None = knob(None, "Options of the reasoning-gym task as JSON, such as '{\"min_terms\": 2}'.")
    task: str | None = knob(
        None,
        "Task of plain rows that do not name theirs.",
        choices=("choice", "boolean", "nli", "math", "text"),
    )


@dataclass(frozen=True, kw_only=True)
class DataPathsConfig(Streaming):
    """Replies made elsewhere to paths."""

    questions: str | None = knob(None, "JSONL file with the questions.", required=True)
    teacher: str = knob("unknown", "Name of the model that wrote the replies, where a row does not say.")
    style: str = knob("vanilla", "Style of the replies, where a row does not say.")


@dataclass(frozen=True, kw_only=True)
class InspectConfig(Command):
    """Any of these files, shown."""

    input: tuple[str, ...] = knob(("-",), "JSONL files, read in order; - is standard input.", positional=True)
    show: int | None = knob(None, "Show N records in full.", low=1)
    where: tuple[str, ...] = knob((), "Only records with FIELD=VALUE, such as style=cot. Repeatable.")
    id: tuple[str, ...] = knob((), "Only the records of this id or path_id. Repeatable.")


@dataclass(frozen=True, kw_only=True)
class DemoConfig(Command):
    """The whole pipeline on models that come with the package index."""

    output: str = knob("qrd-demo", "Folder to write.", short="-o", group=OUTPUT)
    seed: int = knob(0, "Seed of the questions and of every stage.")


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Streaming):
    """Paths to fitted students."""

    output: str = knob("", "Run folder to write.", short="-o", group=OUTPUT, required=True)
    student: tuple[str, ...] = knob(
        (), "[NAME=]MODEL to fit: hub name, folder or embedded:NAME. Repeatable.", required=True
    )
    finetune: str = knob("lora", "What is fitted.", choices=("lora", "qlora", "full"))
    objective: str = knob("qr-distill", "sft is the plain baseline in the same loop.", choices=("qr-distill", "sft"))
    prompt: str = knob(
        "plain",
        "plain: the question as eval asks it (paper, 2.1); style: the teacher's own prompt.",
        choices=("plain", "style"),
    )
    seed: int = knob(0, "Seed of order, initial weights, gates and dropout.")

    routing: str = knob(
        "independent",
        "independent: one gate per student (eq. 2); exclusive: one student a path (the released code); none.",
        choices=("independent", "exclusive", "none"),
        group="Routing",
    )
    balance: str = knob(
        "per-student",
        "What the entropy term balances; global is eq. 3-4 to the letter.",
        choices=("per-student", "global"),
        group="Routing",
    )
    # 0.01, 0.1, 1 and 1e-4 are the released code's values.
    lambda_entropy: float = knob(0.01, "Weight of the entropy term (eq. 9).", low=0, group="Routing")
    gumbel_temperature: float = knob(1.0, "Temperature of the gates (eq. 2).", above=0, group="Routing")
    gumbel_final_temperature: float | None = knob(
        None, "Temperature at the last step (default: constant).", above=0, group="Routing"
    )
    gumbel_anneal: str = knob(
        "linear", "Way to the last temperature.", choices=("linear", "exponential"), group="Routing"
    )
    encoder: str | None = knob(
        None,
        "Frozen encoder of paths (default: FacebookAI/roberta-base; embedded:minilm-l6 where every student is embedded).",
        group="Routing",
    )
    router_learning_rate: float = knob(1e-4, "Rate of router, projections and competence.", above=0, group="Routing")
    lambda_mutual: float | None = knob(
        None,
        "Weight of the mutual term (default 0.1; 0 where no path has two students).",
        low=0,
        group="Mutual distillation",
    )
    shared_width: int = knob(128, "Width of the shared representation (eq. 5).", low=1, group="Mutual distillation")

    # The paper: 5e-6 for Mistral-7B, 2e-4 for Gemma-7B; 2e-4 is the usual rate of LoRA.
    learning_rate: tuple[float, ...] = knob(
        (2e-4,), "AdamW rate: once, or once per student in their order.", above=0, group="Optimisation"
    )
    num_train_epochs: float = knob(
        3.0, "Passes over the paths (paper: 3 for maths, 10 for the rest).", above=0, group="Optimisation"
    )
    max_steps: int | None = knob(None, "Stop after N steps, whatever the epochs.", low=1, group="Optimisation")
    per_device_train_batch_size: int = knob(8, "Paths in a batch (paper: 8).", low=1, group="Optimisation")
    gradient_accumulation_steps: int = knob(1, "Batches in a step.", low=1, group="Optimisation")
    max_length: int = knob(
        2048,
        "Longest prompt and response, in tokens; longer rows are left out and counted.",
        low=8,
        group="Optimisation",
    )
    lr_scheduler_type: str = knob("linear", "Schedule of every rate, as transformers names it.", group="Optimisation")
    warmup_ratio: float = knob(0.0, "Share of the steps that warm up.", low=0, high=1, group="Optimisation")
    weight_decay: float = knob(0.0, "Weight decay of AdamW.", low=0, group="Optimisation")
    max_grad_norm: float = knob(
        1.0, "Clip each student's gradient to this norm; 0 is never.", low=0, group="Optimisation"
    )

    lora_r: int = knob(32, "Rank (paper: 32).", low=1, group="LoRA")
    lora_alpha: int = knob(32, "Scale (released code: 32).", low=1, group="LoRA")
    lora_dropout: float = knob(0.0, "Dropout on the adapter's input.", low=0, high=0.99, group="LoRA")
    lora_target_modules: tuple[str, ...] = knob(
        ("all-linear",), "Modules to adapt, comma-separated.", comma=True, group="LoRA"
    )

    load_in_4bit: bool = knob(False, "Another way to say --finetune qlora.", group="Memory")
    dtype: str = knob(
        "auto",
        "auto is bfloat16 on a GPU, float32 on a CPU.",
        choices=("auto", "float32", "bfloat16", "float16"),
        group="Memory",
    )
    attn_implementation: str | None = knob(
        None, "Attention of transformers, such as sdpa or flash_attention_2.", group="Memory"
    )
    gradient_checkpointing: bool = knob(False, "Recompute activations: less memory, more time.", group="Memory")
    micro_batch_tokens: int = knob(
        4096,
        "Padded tokens run through a student at once; the gradient does not depend on it.",
        low=1,
        group="Memory",
    )
    trust_remote_code: bool = knob(False, "Run Python code that a model's folder brings.", group="Memory")

    logging_steps: int = knob(1, "Steps between lines of metrics.jsonl.", low=1, group="Saving")
    save_steps: int = knob(100, "Steps between checkpoints.", low=1, group="Saving")
    save_total_limit: int = knob(2, "Checkpoints kept.", low=1, group="Saving")
    report_to: tuple[str, ...] = knob(
        (), "Experiment trackers, comma-separated, such as tensorboard,wandb.", comma=True, group="Saving"
    )
