"""An evaluation as a task of lm-evaluation-harness or inspect_ai: the files that they read, and their command lines.

Both are asked with the same messages, decode greedily to the same length, end replies at the same tokens, and grade
with `qrd.answers`, so that qrd must be installed beside them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qrd.rows.records import Fields

# What `chat.plain_prompt` makes of messages, for a tool that insists on a template.
PLAIN_TEMPLATE = "{% for message in messages %}{{ message['content'] | trim + '\\n\\n' }}{% endfor %}"


@dataclass(frozen=True)
class Entry:
    """A model on the way to a harness: its base, its adapter and how its tokenizer is to be used.

    `ends` are the texts of the tokens that end a reply, `extra_ends` those that its own configuration does not name.
    `adds_special`: whether the tokenizer must add its own tokens to the rendered prompt to read what qrd reads.
    """

    name: str
    source: str
    adapter: str | None
    dtype: str
    device: str
    has_template: bool
    ends: tuple[str, ...]
    extra_ends: tuple[str, ...]
    adds_special: bool


def lm_eval_files(task: str, rows: Sequence[Fields], entry: Entry, max_tokens: int) -> Mapping[str, bytes]:
    """The files of a task of lm-evaluation-harness, by name."""
    settings = {
        "until": list(entry.ends),
        "max_gen_toks": max_tokens,
        "do_sample": False,
        "temperature": 0.0,
        "repetition_penalty": 1.0,
    }
    lines = {
        "task": task,
        "dataset_kwargs": {"file": f"{task}.jsonl"},
        "test_split": "test",
        "num_fewshot": 0,
        "output_type": "generate_until",
        "doc_to_text": "prompt",
        "doc_to_target": "answer",
        "generation_kwargs": settings,
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    }
    written = [f"{key}: {json.dumps(value)}" for key, value in lines.items()]
    written += ["custom_dataset: !function qrd_task.questions", "process_results: !function qrd_task.graded"]
    yaml = "\n".join(written) + "\n"
    return {f"{task}.yaml": yaml.encode(), f"{task}.jsonl": _jsonl(rows), "qrd_task.py": LM_EVAL_TASK.encode()}


def lm_eval_command(task: str, folder: str, entry: Entry, batch_size: int) -> str:
    """The command line that evaluates the model there, and keeps its replies."""
    model = {"pretrained": entry.source, "dtype": entry.dtype} | ({"peft": entry.adapter} if entry.adapter else {})
    words = ["lm_eval", "--model", "hf", "--model_args", ",".join(f"{key}={value}" for key, value in model.items())]
    words += ["--tasks", task, "--include_path", folder, "--batch_size", str(batch_size), "--device", entry.device]
    words += ["--apply_chat_template"] if entry.has_template else []
    return shlex.join([*words, "--log_samples", "--output_path", f"{folder}/results/{entry.name}"])


def inspect_files(task: str, rows: Sequence[Fields], entry: Entry, max_tokens: int) -> Mapping[str, bytes]:
    """The files of a task of inspect_ai, by name: the task, its questions, and the model's settings."""
    model: Fields = {
        "model_path": entry.adapter or entry.source,
        "tokenizer_path": entry.source,
        "dtype": entry.dtype,
        "device": entry.device,
        "do_sample": False,
        "tokenizer_call_args": {"add_special_tokens": entry.adds_special},
    }
    if not entry.has_template:
        model["chat_template"] = PLAIN_TEMPLATE
    stops = json.dumps(list(entry.extra_ends)) if entry.extra_ends else "None"
    code = INSPECT_TASK.replace("TASK", task).replace("MAX_TOKENS", str(max_tokens)).replace("STOPS", stops)
    return {
        f"{task}.py": code.encode(),
        f"{task}.jsonl": _jsonl(rows),
        f"{entry.name}.model.json": json.dumps(model, indent=2).encode() + b"\n",
    }


def inspect_command(task: str, folder: str, entry: Entry, batch_size: int) -> str:
    """The command line that evaluates the model there."""
    words = ["inspect", "eval", f"{folder}/{task}.py@{task}", "--model", f"hf/{entry.name}"]
    words += ["--model-config", f"{folder}/{entry.name}.model.json", "--max-connections", str(batch_size)]
    return shlex.join([*words, "--log-dir", f"{folder}/logs"])


def _jsonl(rows: Sequence[Fields]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


LM_EVAL_TASK = '''"""Questions of a qrd evaluation, graded as qrd grades them; qrd must be installed here."""

import json
from pathlib import Path

from datasets import Dataset
from qrd.answers import grade


def questions(file, **_):
    lines = (Path(__file__).parent / file).read_text("utf-8").split("\\n")
    return {"test": Dataset.from_list([json.loads(line) for line in lines if line])}


def graded(doc, results):
    return {"acc": float(grade(doc["task"], results[0], doc["answer"], list(doc["choices"]) or None).correct)}
'''

INSPECT_TASK = '''"""Questions of a qrd evaluation, graded as qrd grades them; qrd must be installed here."""

import json
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.scorer import CORRECT, INCORRECT, Score, accuracy, scorer, stderr
from inspect_ai.solver import generate
from qrd.answers import grade


@scorer(metrics=[accuracy(), stderr()])
def qrd_answer():
    async def score(state, target):
        doc = state.metadata
        found = grade(doc["task"], state.output.completion, doc["answer"], doc["choices"] or None)
        return Score(value=CORRECT if found.correct else INCORRECT, answer=found.prediction)

    return score


@task
def TASK():
    lines = (Path(__file__).parent / "TASK.jsonl").read_text("utf-8").split("\\n")
    rows = [json.loads(line) for line in lines if line]
    samples = [Sample(input=row["prompt"], target=row["answer"], id=row["id"], metadata=row) for row in rows]
    config = GenerateConfig(max_tokens=MAX_TOKENS, stop_seqs=STOPS)
    return Task(dataset=MemoryDataset(samples), solver=generate(), scorer=qrd_answer(), config=config)
'''
