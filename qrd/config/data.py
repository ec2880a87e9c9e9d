"""Commands that bring data in and take it out, or show it."""

from __future__ import annotations

from dataclasses import dataclass

from qrd.config.base import OUTPUT, Streaming
from qrd.config.knobs import knob
from qrd.config.tasks import TASKS


@dataclass(frozen=True, kw_only=True)
class DataImportConfig(Streaming):
    """Data sets as published to questions."""

    name: str | None = knob(
        None,
        "gsm8k, math, arc, commonsense_qa, mmlu, strategy_qa, anli, date, tabmwp; plain (question and answer); "
        "messages, prompt-completion, sharegpt, alpaca (the last turn of the user asks); reasoning-gym:TASK.",
        required=True,
        positional=True,
    )
    input: tuple[str, ...] = knob(
        ("-",), "JSONL, JSON, CSV or Parquet files, or folders of them; - is standard input.", positional=True
    )
    split: str = knob("train", "Part of the data set; also the middle of each id.")
    dataset: str | None = knob(
        None, "Name in ids and in meta.dataset (default: NAME; for plain rows and conversations the file's name)."
    )
    column: tuple[str, ...] = knob(
        (), "FIELD=COLUMN: read FIELD from COLUMN; dots lead into objects, numbers into lists. Repeatable."
    )
    encoding: str | None = knob(
        None, "Encoding of the files, such as cp1252 or latin-1 (default: UTF-8, or UTF-16 where a file begins so)."
    )
    split_by: str | None = knob(None, "Shares of train/dev/test or train/test, such as 80/10/10; goes with --part.")
    part: str | None = knob(
        None,
        "With --split-by: the part to write. The question's text decides, so that no question is in two.",
        choices=("train", "dev", "test"),
    )
    drop_duplicates: bool = knob(False, "Leave questions out that came before; without it they are named and kept.")
    keep_ids: bool = knob(False, "Keep the ids that the rows bring, instead of DATASET-SPLIT-00000.")
    hub: bool = knob(False, "Read the data set from the hub by its name (needs the package datasets).")
    subset: str | None = knob(None, "Configuration on the hub, such as ARC-Easy; round of ANLI; subject of MATH.")
    count: int = knob(100, "Questions to make with reasoning-gym.", low=1)
    seed: int = knob(0, "Seed of reasoning-gym; keep seeds further apart than --count.")
    gym_options: str | None = knob(None, "Options of the reasoning-gym task as JSON, such as '{\"min_terms\": 2}'.")
    task: str | None = knob(
        None,
        "Task of plain rows and conversations that do not name theirs.",
        choices=tuple(TASKS),
    )


@dataclass(frozen=True, kw_only=True)
class DataPathsConfig(Streaming):
    """Replies made elsewhere to paths."""

    questions: str | None = knob(None, "JSONL file with the questions.", required=True)
    teacher: str = knob("unknown", "Name of the model that wrote the replies, where a row does not say.")
    style: str = knob("vanilla", "Style of the replies, where a row does not say.")


@dataclass(frozen=True, kw_only=True)
class DataExportConfig(Streaming):
    """Paths to the rows that other trainers read."""

    output: str = knob(
        "-",
        "File to write; a folder where it is one or ends in /: it gets a card too. - is standard output.",
        short="-o",
        group=OUTPUT,
    )
    for_: str | None = knob(
        None, "Trainer to write for.", choices=("trl", "llama-factory", "ms-swift", "axolotl"), required=True
    )
    form: str = knob("messages", "What a row holds.", choices=("messages", "prompt-completion"))
    format: str | None = knob(
        None, "Default: parquet for an OUTPUT that ends so, else jsonl.", choices=("jsonl", "parquet")
    )
    prompt: str = knob(
        "plain",
        "plain: the question as a student is asked it, as train does; style: the teacher's own prompt.",
        choices=("plain", "style"),
    )
    hub: str | None = knob(None, "Data set on the hub to write to, such as me/paths; it is made private.")
    public: bool = knob(False, "With --hub: everybody may read it.")
