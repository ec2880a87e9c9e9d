"""Paths as tokens of each student, and windows of them cut into micro-batches.

Axes: B paths of a micro-batch, T tokens, N target tokens of a micro-batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from qrd.errors import ConfigError
from qrd.masking import one_line
from qrd.models import chat


@dataclass(frozen=True)
class Encoded:
    """One path in one student's tokens: prompt, response, end of turn.

    The first target is `ids[num_prompt]`. `offsets` are the character spans of the response's tokens.

    Example: prompt `[1, 8, 9]`, response `[20, 21]`, end of turn 2: ids `[1, 8, 9, 20, 21, 2]`, num_prompt 3,
    two offsets, three targets.
    """

    ids: tuple[int, ...]
    num_prompt: int
    offsets: tuple[tuple[int, int], ...]

    @property
    def num_targets(self) -> int:
        """Tokens of response and end of turn."""
        return len(self.ids) - self.num_prompt


@dataclass(frozen=True)
class Example:
    """One path, ready for every student in their order."""

    path_id: str
    id: str
    style: str
    response: str
    encoded: tuple[Encoded, ...]


class Encoder:
    """Turns messages and response into one student's tokens (departure 8).

    Raises: ConfigError for a tokenizer that cannot say which characters a token stands for, or ends no text.
    """

    def __init__(self, tokenizer: Any) -> None:
        if not tokenizer.is_fast:
            raise ConfigError(f"{tokenizer.name_or_path}: needs a fast tokenizer, which knows character offsets")
        self.tokenizer = tokenizer
        try:
            self.end = chat.end_of_turn(tokenizer)
        except ValueError as error:
            raise ConfigError(one_line(error)) from None
        known = tokenizer.added_tokens_decoder
        self.special = {token for token in known if known[token].special} | {self.end}

    def encode(self, messages: chat.Messages, response: str) -> Encoded:
        """The tokens of one path; in the response, a special token that is spelled out stays plain text.

        A template may open a tag such as ``<think>`` that the response opens too: it then stands once, in the prompt.
        """
        prompt = chat.prompt_ids(self.tokenizer, messages)
        begun = chat.num_begun(self.tokenizer, response)
        found = self.tokenizer(
            response[begun:], add_special_tokens=False, return_offsets_mapping=True, split_special_tokens=True
        )
        spans = tuple((start + begun, end + begun) for start, end in found["offset_mapping"])
        return Encoded((*prompt, *found["input_ids"], self.end), len(prompt), spans)

    def is_plain(self, path: Encoded) -> bool:
        """Whether no target but the last is a special token.

        A unigram tokenizer holds its special tokens among its pieces and can find one in plain text.
        """
        return self.special.isdisjoint(path.ids[path.num_prompt : -1])


@dataclass(frozen=True)
class Batch:
    """Paths of one student, padded on the right to the longest of them.

    Shapes: ids_BT, mask_BT (1 for real tokens); into the flattened B*T: `predict_N` points at the positions
    that predict the targets `target_N`, path after path, `sizes` of them each.
    """

    ids_BT: Tensor
    mask_BT: Tensor
    predict_N: Tensor
    target_N: Tensor
    sizes: tuple[int, ...]

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device, without waiting for what that still has to do."""
        tensors = (self.ids_BT, self.mask_BT, self.predict_N, self.target_N)
        ids_BT, mask_BT, predict_N, target_N = (tensor.to(device, non_blocking=True) for tensor in tensors)
        return Batch(ids_BT, mask_BT, predict_N, target_N, self.sizes)


def collate(paths: Sequence[Encoded]) -> Batch:
    """One padded batch. Padding is token 0 behind the mask: it is never attended to and never a target.

    Example: ids `[1, 8, 20, 2]` with num_prompt 2 in a batch of width 5, first row: the positions 1 and 2
    predict the targets 20 and 2.
    """
    width = max(len(path.ids) for path in paths)
    ids_BT = torch.zeros(len(paths), width, dtype=torch.long)
    mask_BT = torch.zeros(len(paths), width, dtype=torch.long)
    predict: list[int] = []
    for row, path in enumerate(paths):
        ids_BT[row, : len(path.ids)] = torch.tensor(path.ids)
        mask_BT[row, : len(path.ids)] = 1
        predict += range(row * width + path.num_prompt - 1, row * width + len(path.ids) - 1)
    predict_N = torch.tensor(predict)
    return Batch(ids_BT, mask_BT, predict_N, ids_BT.flatten()[predict_N + 1], tuple(path.num_targets for path in paths))


def cut(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices in micro-batches of at most `budget` padded tokens, longest first; one path may exceed it
    alone.

    Longest first, so that too small a memory shows at once. Paths of length 0 are left out.

    Example: lengths ``[5, 9, 0, 4]`` and budget 10 give ``[[1], [0, 3]]``.
    """
    order = sorted((i for i, length in enumerate(lengths) if length), key=lambda i: (-lengths[i], i))
    pieces: list[list[int]] = []
    for i in order:
        if pieces and lengths[pieces[-1][0]] * (len(pieces[-1]) + 1) <= budget:
            pieces[-1].append(i)
        else:
            pieces.append([i])
    return pieces


def epoch_order(num_paths: int, *, seed: int, epoch: int) -> list[int]:
    """The order of paths in one epoch: a pure function of its arguments, so a resume needs no state."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))
    order: list[int] = torch.randperm(num_paths, generator=generator).tolist()
    return order


def derive_seed(*parts: int | str) -> int:
    """A seed of 63 bits from a run's seed and a place in it, such as ``(seed, "gates", step)``."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
