"""TRL's SFTTrainer on given tokens; runs in an environment of its own. Prints one JSON line for each step.

Usage: trl_sft.py TOKENS.json NUM_STEPS SEED [grouped] [no-checkpointing]

As TRL comes, but for what the comparison fixes: float32 (TRL would use bfloat16), CPU, batch 8, LoRA r=32 on all
linear layers, no report. The tokens are given, so both sides train on exactly the same targets.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import trl
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

STEPS = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)


class Timed(trl.SFTTrainer):
    """Counts the real tokens of the batches it is given."""

    num_tokens = 0

    def training_step(self, model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
        self.num_tokens += int(inputs["attention_mask"].sum())
        return super().training_step(model, inputs, *rest, **named)


class Clock(TrainerCallback):
    """Prints tokens and seconds from the end of one step to the end of the next."""

    def __init__(self) -> None:
        self.trainer: Any = None
        self.last = time.perf_counter()

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.last = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        now = time.perf_counter()
        STEPS.write(json.dumps({"tokens": self.trainer.num_tokens, "seconds": now - self.last}) + "\n")
        self.last, self.trainer.num_tokens = now, 0


def main(tokens: Path, num_steps: int, seed: int, modes: set[str]) -> None:
    job = json.loads(tokens.read_text())
    rows = [
        {"input_ids": row["ids"], "labels": [-100] * row["num_prompt"] + row["ids"][row["num_prompt"] :]}
        for row in job["rows"]
    ]
    sampling = {"train_sampling_strategy": "group_by_length"} if "grouped" in modes else {}
    checkpointing = {"gradient_checkpointing": False} if "no-checkpointing" in modes else {}
    with tempfile.TemporaryDirectory() as folder:
        settings = trl.SFTConfig(
            output_dir=folder, per_device_train_batch_size=8, max_steps=num_steps, learning_rate=2e-4, bf16=False,
            use_cpu=True, report_to="none", save_strategy="no", disable_tqdm=True, seed=seed, **sampling,
            **checkpointing,
        )  # fmt: skip
        clock = Clock()
        clock.trainer = trainer = Timed(
            model=AutoModelForCausalLM.from_pretrained(job["model"], dtype="float32"),
            args=settings,
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(job["model"]),
            peft_config=LoraConfig(r=32, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
            callbacks=[clock],
        )
        trainer.train()


if __name__ == "__main__":
    sys.stdout = sys.stderr  # TRL prints its logs; standard output is for the steps alone
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), set(sys.argv[4:]))
