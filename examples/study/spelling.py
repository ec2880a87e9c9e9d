"""The tokenizers of the two students: byte-level BPE that merges digits, and unigram pieces with a token per digit."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from qrd import prompts
from qrd.rows.records import Question

# Turns as Llama 3 and Gemma mark them, without the names of roles: there are but two.
SIDED = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|stop|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TURNS = (
    "{{ bos_token }}{% for m in messages %}<turn>{{ m['content'] }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<turn>{% endif %}"
)
PIECE = re.compile(r"▁?(?:[A-Za-z]+|\d|`+|[^\w▁])")


def fixed_parts(questions: Sequence[dict[str, Any]]) -> list[str]:
    """What every question of a family says in the same words; the tokenizers take each as one token.

    Half of a prompt is the same for all questions. At this size reading it again and again would cost half of the
    time and teach nothing.
    """
    families: dict[str, list[str]] = {}
    for row in questions:
        asked = Question(id=row["id"], task=row["task"], question=row["question"])
        families.setdefault(row["meta"]["family"], []).append(prompts.student_messages(asked)[0]["content"])
    found = []
    for asked_of in families.values():
        found.append(shared_start(asked_of).rstrip("0123456789"))
        found.append(shared_start([text[::-1] for text in asked_of])[::-1])
    return list(dict.fromkeys(part.strip() for part in found))


def shared_start(texts: Sequence[str]) -> str:
    """The longest text that all begin with."""
    alike = (len(set(characters)) == 1 for characters in zip(*texts, strict=False))
    return texts[0][: sum(takewhile(bool, alike))]


def merged(texts: Iterable[str], fixed: Sequence[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE, as Llama's and GPT's: a number is one token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=800, special_tokens=["<|stop|>", "<|user|>", "<|assistant|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    return finished(tokenizer, fixed, eos="<|stop|>", bos=None, template=SIDED)


def digits(texts: Iterable[str], fixed: Sequence[str]) -> PreTrainedTokenizerFast:
    """Unigram pieces with byte fallback, as Gemma's: each digit is a token. The pieces are the words as counted."""
    counts = Counter(piece for text in texts for piece in PIECE.findall(text.replace(" ", "▁")))
    counts.update("▁")
    heads = ["<eos>", "<bos>", "<turn>", "<end>", "<unk>"]
    scored = [(head, 0.0) for head in heads] + [(f"<0x{byte:02X}>", -20.0) for byte in range(256)]
    scored += [(piece, math.log(count / counts.total())) for piece, count in counts.most_common()]
    tokenizer = Tokenizer(models.Unigram(scored, heads.index("<unk>"), True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(head, special=True, normalized=False) for head in heads[:4]])
    return finished(tokenizer, fixed, eos="<eos>", bos="<bos>", template=TURNS)


def finished(
    tokenizer: Tokenizer, fixed: Sequence[str], *, eos: str, bos: str | None, template: str
) -> PreTrainedTokenizerFast:
    """The transformers tokenizer around a trained one."""
    tokenizer.add_tokens([AddedToken(part, normalized=False) for part in fixed])
    kind: Any = PreTrainedTokenizerFast
    fast: PreTrainedTokenizerFast = kind(tokenizer_object=tokenizer, bos_token=bos, eos_token=eos, pad_token=eos)
    fast.chat_template = template
    return fast
