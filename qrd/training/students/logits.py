"""Cross-entropy at target positions only, without ever keeping logits.

Most positions of a batch are prompt or padding, and a row of logits is as long as the vocabulary: for 262,144
entries a batch of 4,096 tokens would hold 4 GiB. So the decoder runs without its output layer, and that is
applied to the targets' hidden states in chunks.

Axes: N target tokens, D width, V vocabulary, C tokens of one chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

CHUNK_ELEMENTS = 2**25  # logits alive at once: 128 MiB in float32


@dataclass(frozen=True)
class Head:
    """A model's way from hidden states to logits.

    `scale` and `softcap` are what its configuration says: logits = cap * tanh(scale * layer(hidden) / cap).
    """

    layer: nn.Module
    scale: float = 1.0
    softcap: float | None = None

    @property
    def is_frozen_matrix(self) -> bool:
        """Whether the layer is one plain matrix that is not trained."""
        plain = type(self.layer) is nn.Linear and self.layer.bias is None
        return plain and not any(p.requires_grad for p in self.layer.parameters())

    def shape(self, raw: Tensor) -> Tensor:
        """Logits in float32 from the layer's output."""
        logits = raw.float() * self.scale if self.scale != 1.0 else raw.float()
        return logits if self.softcap is None else self.softcap * torch.tanh(logits / self.softcap)


def read_head(model: Any) -> Head:
    """The head of a causal language model, as its configuration describes it."""
    config = model.config.get_text_config()
    scale = float(getattr(config, "logit_scale", None) or 1.0) / float(getattr(config, "logits_scaling", None) or 1.0)
    return Head(model.get_output_embeddings(), scale, getattr(config, "final_logit_softcapping", None))


def target_losses(head: Head, hidden_ND: Tensor, target_N: Tensor) -> Tensor:
    """Cross-entropy of each target token.

    Shapes: ce_N float32, differentiable in hidden_ND and, where it is trained, in the head.
    """
    if head.is_frozen_matrix:
        ce_N: Tensor = _FrozenHeadLoss.apply(hidden_ND, target_N, head)  # type: ignore[no-untyped-call]
        return ce_N

    def chunk_losses(hidden_CD: Tensor, target_C: Tensor) -> Tensor:
        return F.cross_entropy(head.shape(head.layer(hidden_CD)), target_C, reduction="none")

    size = chunk_size(head)
    pieces = [
        checkpoint(chunk_losses, hidden_CD, target_C, use_reentrant=False)
        for hidden_CD, target_C in zip(torch.split(hidden_ND, size), torch.split(target_N, size), strict=True)
    ]
    return torch.cat(pieces)


def chunk_size(head: Head) -> int:
    """Tokens whose logits fit in CHUNK_ELEMENTS."""
    vocabulary = next(p.shape[0] for p in head.layer.parameters())
    return max(1, CHUNK_ELEMENTS // vocabulary)


class _FrozenHeadLoss(torch.autograd.Function):
    """Cross-entropy through a frozen matrix. Each token's loss depends on its own hidden row alone, so the
    gradient of the hidden rows, found while the chunk's logits are there, is all that backward needs.

    Math: d ce / d hidden = scale * (softmax(logits) - onehot) * (1 - (logits / cap)^2) @ W.
    """

    @staticmethod
    def forward(ctx: Any, hidden_ND: Tensor, target_N: Tensor, head: Head) -> Tensor:
        weight_VD = cast(Tensor, head.layer.weight)
        size = chunk_size(head)
        ce_N = torch.empty(len(target_N), dtype=torch.float32, device=hidden_ND.device)
        slope_ND = torch.empty_like(hidden_ND) if ctx.needs_input_grad[0] else None
        for start in range(0, len(target_N), size):
            piece = slice(start, start + size)
            logits_CV = head.shape(F.linear(hidden_ND[piece].to(weight_VD.dtype), weight_VD))
            bend_CV = None if head.softcap is None else 1.0 - (logits_CV / head.softcap).square()
            ce_N[piece] = _softmax_in_place(logits_CV, target_N[piece])
            if slope_ND is not None:
                slope_CV = _slopes(head, logits_CV, target_N[piece], bend_CV)
                slope_ND[piece] = slope_CV.to(weight_VD.dtype) @ weight_VD
        ctx.save_for_backward(slope_ND)
        return ce_N

    @staticmethod
    def backward(ctx: Any, grad_N: Tensor) -> tuple[Tensor, None, None]:
        (slope_ND,) = ctx.saved_tensors
        return (slope_ND * grad_N.unsqueeze(-1)).to(slope_ND.dtype), None, None


def _softmax_in_place(logits_CV: Tensor, target_C: Tensor) -> Tensor:
    """Cross-entropy of each target; `logits_CV` holds the probabilities afterwards.

    A chunk of logits is the largest thing that training holds, so there is never a second one beside it.
    """
    logits_CV -= logits_CV.amax(dim=-1, keepdim=True)
    target_logit_C = logits_CV.gather(1, target_C.unsqueeze(1)).squeeze(1)
    sum_C1 = logits_CV.exp_().sum(dim=-1, keepdim=True)
    logits_CV /= sum_C1
    return sum_C1.squeeze(1).log() - target_logit_C


def _slopes(head: Head, probability_CV: Tensor, target_C: Tensor, bend_CV: Tensor | None) -> Tensor:
    """Gradient of the losses in the layer's output, in the place of the probabilities; `bend_CV` is the slope of the
    soft cap."""
    probability_CV[torch.arange(len(target_C), device=target_C.device), target_C] -= 1.0
    if bend_CV is not None:
        probability_CV *= bend_CV
    return probability_CV.mul_(head.scale) if head.scale != 1.0 else probability_CV


@torch.no_grad()
def agrees(model: Any, head: Head) -> bool:
    """Whether the decoder and `head` give the logits of the whole model, on a few tokens."""
    decoder = model.get_decoder()
    if decoder is head.layer:  # ModernBERT's output layer is called `decoder`
        return False
    was_training = model.training
    model.eval()
    vocabulary = model.get_input_embeddings().weight.shape[0]
    ids_BT = torch.arange(1, 9, device=model.device).remainder(vocabulary).unsqueeze(0)
    expected = model(input_ids=ids_BT, use_cache=False).logits.float()
    hidden_BTD = decoder(input_ids=ids_BT, use_cache=False).last_hidden_state
    model.train(was_training)
    if getattr(head.layer, "in_features", hidden_BTD.shape[-1]) != hidden_BTD.shape[-1]:
        return False
    found = head.shape(head.layer(hidden_BTD.to(next(head.layer.parameters()).dtype)))
    if found.shape != expected.shape:
        return False
    tolerance = 1e-4 if hidden_BTD.dtype == torch.float32 else 5e-2
    return bool((found - expected).abs().max() <= tolerance * expected.abs().max())
