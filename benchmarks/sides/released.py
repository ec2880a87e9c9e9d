"""Fine-tuning as the paper's released code does it: every sequence padded to 768 tokens, logits of every position.

Usage: released.py TOKENS.json NUM_STEPS SEED BATCH

A bare loop of ours, with nothing around it that would slow it down. Prints one JSON line for each step.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

WIDTH = 768


def padded(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    ids_BT = torch.zeros(len(rows), WIDTH, dtype=torch.long)
    labels_BT, mask_BT = torch.full_like(ids_BT, -100), torch.zeros_like(ids_BT)
    for at, row in enumerate(rows):
        end, num_prompt = len(row["ids"]), row["num_prompt"]
        ids_BT[at, :end], mask_BT[at, :end] = torch.tensor(row["ids"]), 1
        labels_BT[at, num_prompt:end] = ids_BT[at, num_prompt:end]
    return {"input_ids": ids_BT, "attention_mask": mask_BT, "labels": labels_BT}


def main(tokens: Path, num_steps: int, seed: int, batch: int) -> None:
    job = json.loads(tokens.read_text())
    model: Any = AutoModelForCausalLM.from_pretrained(job["model"], dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(r=32, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"))
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-4)
    rows = random.Random(seed).sample(job["rows"], len(job["rows"]))
    for step in range(num_steps):
        start = time.perf_counter()
        inputs = padded(rows[step * batch : (step + 1) * batch])
        model(**inputs, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds = time.perf_counter() - start
        print(json.dumps({"tokens": int(inputs["attention_mask"].sum()), "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
