"""The loaders of other trainers give back what was exported; each test needs its package and is skipped without it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qrd.config import DataExportConfig, knobs
from qrd.console import Console
from qrd.prompts import student_messages
from qrd.rows.records import Question
from qrd.stages.data import exporting

PATH = {"id": "q1", "task": "math", "question": "1 + 1?", "answer": "2", "path_id": "p1", "response": "It is 2."}
ASKED = student_messages(Question(id="q1", task="math", question="1 + 1?"))[0]["content"]
BOTH = pytest.mark.parametrize("form", ["messages", "prompt-completion"])


def exported(folder: Path, trainer: str, form: str) -> Any:
    """The exported Parquet file as the package datasets gives it; a JSONL file stands beside it."""
    from datasets import load_dataset

    (folder / "paths.jsonl").write_text(json.dumps(PATH) + "\n" + json.dumps({**PATH, "path_id": "p2"}) + "\n")
    for name in ("out.jsonl", "out.parquet"):
        given = {"input": str(folder / "paths.jsonl"), "output": str(folder / name), "for": trainer, "form": form}
        exporting.run(knobs.build(DataExportConfig, given), Console(quiet=True))
    files = str(folder / "out.parquet")
    return load_dataset("parquet", data_files=files, split="train", cache_dir=str(folder / "cache"))


def targets(tokenizer: Any, row: dict[str, Any]) -> str:
    return tokenizer.decode([token for token in row["labels"] if token != -100])


@BOTH
def test_trl_trains_on_the_reply_alone(tmp_path: Path, form: str) -> None:
    trl = pytest.importorskip("trl")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tests import tiny_models

    folder = tmp_path / "model"
    tiny_models.save_llama(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = (  # marks replies, as --form messages needs
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['role'] == 'assistant' %}{% generation %}"
        "{{ m['content'] }}<|im_end|>{% endgeneration %}{% else %}{{ m['content'] }}<|im_end|>{% endif %}\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    trainer = trl.SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(folder),
        args=trl.SFTConfig(
            output_dir=str(tmp_path), report_to=[], use_cpu=True, bf16=False, assistant_only_loss=form == "messages"
        ),
        train_dataset=exported(tmp_path, "trl", form),
        processing_class=tokenizer,
    )
    batch = next(iter(trainer.get_train_dataloader()))
    for labels in batch["labels"]:
        assert targets(tokenizer, {"labels": labels.tolist()}).strip() == "It is 2.<|im_end|>"


@BOTH
def test_llama_factory_finds_prompt_and_reply(tmp_path: Path, form: str) -> None:
    pytest.importorskip("llamafactory.data.converter")
    from llamafactory.data.converter import get_dataset_converter
    from llamafactory.data.parser import get_dataset_list

    rows = exported(tmp_path, "llama-factory", form)
    (known,) = get_dataset_list(["out"], str(tmp_path))
    assert known.dataset_name in ("out.jsonl", "out.parquet")
    found = get_dataset_converter(known.formatting, known, SimpleNamespace(media_dir="."))(rows[0])
    assert found["_prompt"] == [{"role": "user", "content": ASKED}]
    assert found["_response"] == [{"role": "assistant", "content": "It is 2."}]
    assert not found["_system"]


@BOTH
def test_ms_swift_finds_prompt_and_reply(tmp_path: Path, form: str) -> None:
    preprocessor = pytest.importorskip("swift.dataset.preprocessor")
    rows = preprocessor.AutoPreprocessor()(exported(tmp_path, "ms-swift", form), enable_auto_mapping=True)
    turns = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": "It is 2."}]
    assert [[{"role": t["role"], "content": t["content"]} for t in row["messages"]] for row in rows] == [turns, turns]


@BOTH
def test_axolotl_trains_on_the_reply_alone(tmp_path: Path, form: str) -> None:
    pytest.importorskip("axolotl.prompt_strategies.chat_template")
    from axolotl.prompt_strategies import chat_template, user_defined
    from axolotl.utils.dict import DictDefault

    from tests import tiny_models

    tokenizer, config = tiny_models.chatml_tokenizer(), DictDefault({"sequence_len": 4096, "train_on_inputs": False})
    text = "{instruction}\n\n"
    told = {"field_instruction": "prompt", "field_output": "completion", "format": text, "no_input_format": text}
    if form == "messages":
        told = {"type": "chat_template", "chat_template": "tokenizer_default"}
    load = chat_template.load if form == "messages" else user_defined.load
    rows = exported(tmp_path, "axolotl", form)
    tokens = load(tokenizer, config, DictDefault(told)).tokenize_prompt(rows[0])
    assert targets(tokenizer, tokens).strip() == "It is 2.<|im_end|>"
    assert ASKED in tokenizer.decode(tokens["input_ids"])
