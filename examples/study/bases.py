"""The two students before training: tiny models of two families that have read, but were never asked anything.

`merged` is a Llama with a byte-level BPE; `digits` is a Gemma with unigram pieces and one token per digit. Half a
million parameters each: small enough for many seeds on two cores, large enough to add.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path as File
from statistics import fmean
from typing import Any

import torch
from tokenizers import AddedToken
from torch import Tensor
from transformers import Gemma2Config, Gemma2ForCausalLM, LlamaConfig, LlamaForCausalLM

from examples.study import reading, spelling, teacher
from examples.study.tasks import Rows

NAMES = ("merged", "digits")
SPELLINGS = {"merged": spelling.merged, "digits": spelling.digits}
SPELLED_TEXTS = 4000
# Many small steps: with 400 steps of 4,096 tokens, as many tokens in all, the students did not learn to copy.
BATCH, RATE, WARM_UP = 16, 2e-3, 100

Batch = dict[str, Tensor]


def make(folder: File, *, questions: Rows, steps: int, say: Callable[[str], None]) -> None:
    """Both bases below `folder`, each read for so many steps; one that is there is kept."""
    fixed = spelling.fixed_parts(questions)
    for name in NAMES:
        place = folder / name
        if (place / "config.json").is_file():
            continue
        begin = time.perf_counter()
        tokenizer = SPELLINGS[name](islice(reading.texts(name, seed=0), SPELLED_TEXTS), fixed)
        torch.manual_seed(0)
        model = MODELS[name](tokenizer)
        num_tokens, loss = read(model, batches(name, tokenizer), steps=steps)
        # One token, else its letters, which no text had, are most of what training must teach.
        torch.manual_seed(0)
        tokenizer.add_tokens([AddedToken(teacher.MARK, normalized=False)])
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        tokenizer.save_pretrained(place)
        model.save_pretrained(place)
        say(f"{name}: {num_tokens:,} tokens read in {time.perf_counter() - begin:.0f} s, loss {loss:.3f}")


def llama(tokenizer: Any) -> Any:
    """A Llama of 3 layers."""
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=384, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=512, tie_word_embeddings=True, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    ))  # fmt: skip


def gemma(tokenizer: Any) -> Any:
    """A Gemma 2 of 3 layers; without soft caps, which rule out the fast attention."""
    return Gemma2ForCausalLM(Gemma2Config(
        vocab_size=len(tokenizer), hidden_size=112, intermediate_size=336, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=28, max_position_embeddings=512, sliding_window=512,
        attn_logit_softcapping=None, final_logit_softcapping=None, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    ))  # fmt: skip


MODELS: dict[str, Callable[[Any], Any]] = {"merged": llama, "digits": gemma}


def batches(name: str, tokenizer: Any) -> Iterator[Batch]:
    """What the student reads: a text a row, since rows of several texts end to end teach copying far more slowly."""
    texts = reading.texts(name, seed=0)
    while True:
        some = list(islice(texts, BATCH))
        headings = tokenizer([text.partition("\n")[0] + "\n" for text in some], add_special_tokens=False)["input_ids"]
        rows = [[*ids, tokenizer.eos_token_id] for ids in tokenizer(some, add_special_tokens=False)["input_ids"]]
        yield padded(rows, [len(ids) for ids in headings], tokenizer.pad_token_id)


def padded(rows: Sequence[Sequence[int]], num_given: Sequence[int], padding: int) -> Batch:
    """One batch; the first `num_given` tokens of a row are not asked for, as nobody could tell them."""
    width = max(map(len, rows))
    ids_BT = torch.full((len(rows), width), padding)
    mask_BT, labels_BT = torch.zeros_like(ids_BT), torch.full_like(ids_BT, -100)
    for row, (ids, begin) in enumerate(zip(rows, num_given, strict=True)):
        ids_BT[row, : len(ids)] = torch.tensor(ids)
        mask_BT[row, : len(ids)] = 1
        labels_BT[row, begin : len(ids)] = torch.tensor(ids[begin:])
    return {"input_ids": ids_BT, "attention_mask": mask_BT, "labels": labels_BT}


def read(model: Any, reading_batches: Iterator[Batch], *, steps: int) -> tuple[int, float]:
    """Fit the model with AdamW and a cosine; the tokens it read, and the mean loss of the last tenth."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)
    losses, num_tokens = list[float](), 0
    for step, batch in enumerate(islice(reading_batches, steps)):
        share = min((step + 1) / WARM_UP, 0.52 + 0.5 * math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = RATE * share
        loss = model(**batch, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        num_tokens += int(batch["attention_mask"].sum())
    return num_tokens, fmean(losses[-max(1, steps // 10) :])
