"""What each trainer reads: the rows, and the settings that make it read them as meant.

Loss is wanted on the reply alone. TRL masks the prompt of `prompt` and `completion` by itself and applies the chat
template only where both are lists of messages; the other three want texts there, and mask the prompt of `messages`.

Source: TRL docs/source/dataset_formats.md; LLaMA-Factory data/README.md and src/llamafactory/data/converter.py;
ms-swift docs/source_en/Customization/Custom-dataset.md; axolotl docs/dataset-formats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path as File

import msgspec

from qrd.errors import ConfigError
from qrd.masking import one_line
from qrd.rows.disk import write_json
from qrd.rows.records import Fields

TRAINERS = ("trl", "llama-factory", "ms-swift", "axolotl")
FORMS = ("messages", "prompt-completion")
KEPT = ("id", "path_id", "teacher", "style")  # what leads from a row back to its path
REGISTRY = "dataset_info.json"

Messages = Sequence[Mapping[str, str]]


def takes_turns(trainer: str, form: str) -> bool:
    """Whether prompt and reply are lists of messages, not texts."""
    return form == "messages" or trainer == "trl"


def row_of(trainer: str, form: str, prompt: Messages, response: str) -> Fields:
    """The fields a trainer reads of one path; as a text, the messages of a prompt stand a blank line apart."""
    asked = [{"role": turn["role"], "content": turn["content"]} for turn in prompt]
    reply = [{"role": "assistant", "content": response}]
    if form == "messages":
        return {"messages": asked + reply}
    if takes_turns(trainer, form):
        return {"prompt": asked, "completion": reply}
    return {"prompt": "\n\n".join(turn["content"].strip() for turn in prompt), "completion": response}


def settings(trainer: str, form: str, file: str) -> str:
    """How the trainer is told to read `file`, in its own configuration."""
    if trainer == "trl":
        rows = f'load_dataset("{_kind(file)}", data_files={json.dumps(file)}, split="train")'
        if form == "messages":
            advice = "# needs a chat template that marks replies with generation; else export --form prompt-completion"
            return f"SFTTrainer(train_dataset={rows}, args=SFTConfig(assistant_only_loss=True), ...)\n{advice}"
        return f"SFTTrainer(train_dataset={rows}, ...)"
    if trainer == "llama-factory":
        return f"dataset_dir: {File(file).parent}\ndataset: {entry_name(file)}"
    if trainer == "ms-swift":
        return f"swift sft --dataset {file} ..."
    kind = (
        "chat_template"
        if form == "messages"
        else "{field_instruction: prompt, field_output: completion, "
        'format: "{instruction}\\n\\n", no_input_format: "{instruction}\\n\\n"}'
    )
    return f"datasets:\n  - path: {file}\n    ds_type: {_kind(file)}\n    type: {kind}\ntrain_on_inputs: false"


def _kind(file: str) -> str:
    return "parquet" if file.endswith(".parquet") else "json"


def entry_name(file: str) -> str:
    """The name under which LLaMA-Factory knows a file: its folder's name where the file is only called `train`."""
    stem = File(file).stem
    return (File(file).absolute().parent.name or stem) if stem == "train" else stem


def register(file: str, form: str) -> File:
    """`dataset_info.json` beside `file`, with an entry for it; other entries of that file stay.

    The formatting `openai` is avoided: its converter puts "detailed thinking off" into every system prompt.
    Raises: ConfigError where the file that is there is no registry; StorageError.
    """
    registry = File(file).parent / REGISTRY
    entries = _entries(registry)
    entry: Fields = {"file_name": File(file).name, "formatting": "alpaca"}
    entry["columns"] = {"prompt": "prompt", "response": "completion"}
    if form == "messages":
        entry |= {"formatting": "sharegpt", "columns": {"messages": "messages"}}
        entry["tags"] = {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        }
    write_json(registry, {**entries, entry_name(file): entry})
    return registry


def _entries(registry: File) -> Fields:
    try:
        found = msgspec.json.decode(registry.read_bytes(), type=dict[str, dict[str, object]])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(
            f"{registry}: is no registry of LLaMA-Factory ({one_line(error)}); export to another folder"
        ) from None
    return dict(found)
