"""Conditional routing: which student learns from which path (eq. 1-4).

Axes: K paths of a window, S students, D width of an embedding, H hidden units of the router.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

Routing = Literal["independent", "exclusive", "none"]
Balance = Literal["per-student", "global"]
Anneal = Literal["constant", "linear", "exponential"]

# Keeps the slope of the entropy finite where a load reaches 0 or 1.
SMALLEST_LOAD = 1e-6


class Router(nn.Module):
    """Logits of the gates from embeddings of paths: standardise, one hidden layer, S outputs (eq. 2, MLP).

    With `sees_state` it takes each student's standardised loss on the path beside the embedding
    (``memory.standardise_losses``).

    Shapes: embedding_KD, state_KS -> logits_KS, float32.
    Source: section 2.4, eq. 2; departure 5.
    """

    mean_D: Tensor
    scale_D: Tensor

    def __init__(self, width: int, hidden: int, num_students: int, *, sees_state: bool = False) -> None:
        super().__init__()
        inputs = width + num_students if sees_state else width
        self.register_buffer("mean_D", torch.zeros(width))
        self.register_buffer("scale_D", torch.ones(width))
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, num_students))

    @torch.no_grad()
    def standardise_as(self, embedding_KD: Tensor) -> None:
        """Take mean and deviation from the training paths; a dimension that never varies is only centred."""
        deviation_D = embedding_KD.std(dim=0, unbiased=False)
        self.mean_D.copy_(embedding_KD.mean(dim=0))
        self.scale_D.copy_(torch.where(deviation_D > 1e-6, deviation_D, torch.ones_like(deviation_D)))

    def forward(self, embedding_KD: Tensor, state_KS: Tensor | None = None) -> Tensor:
        """Logits of the gates."""
        seen_KD = (embedding_KD.float() - self.mean_D) / self.scale_D
        logits_KS: Tensor = self.layers(seen_KD if state_KS is None else torch.cat([seen_KD, state_KS], dim=-1))
        return logits_KS


def probabilities(logits_KS: Tensor, routing: Routing) -> Tensor:
    """Soft probability of each gate, without noise: what loads, logs and evaluation use.

    Math: sigmoid for `independent`, softmax over students for `exclusive`, 1 for `none`.
    """
    if routing == "independent":
        return logits_KS.sigmoid()
    if routing == "exclusive":
        return logits_KS.softmax(dim=-1)
    return torch.ones_like(logits_KS)


def draw_noise(num_paths: int, num_students: int, *, routing: Routing, generator: torch.Generator) -> Tensor:
    """Noise for one draw: Gumbel for `exclusive`, the difference of two Gumbels for a binary gate.

    Shapes: noise_KS float32, on the generator's device.
    """
    gumbel_2KS = -torch.log(
        torch.empty(2, num_paths, num_students, device=generator.device).exponential_(generator=generator)
    )
    return gumbel_2KS[0] if routing == "exclusive" else gumbel_2KS[0] - gumbel_2KS[1]


def draw_gates(logits_KS: Tensor, noise_KS: Tensor, *, routing: Routing, temperature: float) -> Tensor:
    """Gates that are 0 or 1 in value and carry the gradient of their soft form (straight-through).

    Math: soft = sigmoid((logit + noise) / temperature), or its softmax over students;
    alpha = hard(soft) + soft - stop(soft).
    Source: section 2.4, eq. 2; departure 2.
    """
    if routing == "none":
        return torch.ones_like(logits_KS)
    noisy_KS = (logits_KS + noise_KS) / temperature
    soft_KS = probabilities(noisy_KS, routing)
    hard_KS = _harden(noisy_KS, routing)
    return hard_KS + (soft_KS - soft_KS.detach())


def choose_gates(logits_KS: Tensor, routing: Routing) -> Tensor:
    """Gates without noise, for evaluation: probability over one half, or the likeliest student."""
    return torch.ones_like(logits_KS) if routing == "none" else _harden(logits_KS, routing)


def _harden(logits_KS: Tensor, routing: Routing) -> Tensor:
    if routing == "exclusive":
        return torch.zeros_like(logits_KS).scatter(-1, logits_KS.argmax(dim=-1, keepdim=True), 1.0)
    return (logits_KS > 0).to(logits_KS.dtype)


def temperature_at(progress: float, *, start: float, final: float, anneal: Anneal) -> float:
    """Gumbel temperature when the share `progress` (0 to 1) of training is done.

    Math: linear: start + (final - start) * progress; exponential: start * (final / start) ** progress.
    """
    if anneal == "constant":
        return start
    if anneal == "linear":
        return start + (final - start) * progress
    return float(start * (final / start) ** progress)


def mean_load(probability_KS: Tensor) -> Tensor:
    """Share of the window's paths that each student is expected to take; its mean is eq. 3.

    Shapes: load_S.
    Source: section 2.4, eq. 3; departure 3.
    """
    return probability_KS.mean(dim=0)


def binary_entropy(load: Tensor) -> Tensor:
    """Entropy of yes and no, elementwise.

    Units: nats, at most log 2.
    Math: -(p log p + (1 - p) log(1 - p)).
    Source: section 2.4, eq. 4.
    """
    kept = load.clamp(SMALLEST_LOAD, 1 - SMALLEST_LOAD)
    entropy: Tensor = torch.special.entr(kept) + torch.special.entr(1 - kept)
    return entropy


def load_entropy(probability_KS: Tensor, *, routing: Routing, balance: Balance) -> Tensor:
    """How evenly the paths are shared, to be maximised (a scalar).

    Math: `global`: binary entropy of the mean of all gates (eq. 3 and 4 to the letter). `per-student`,
    `independent`: mean over students of the binary entropy of each load; `exclusive`: entropy of the loads
    over log S, and 0 for one student.
    Source: section 2.4, eq. 3 and 4; departures 1 and 3.
    """
    load_S = mean_load(probability_KS)
    if balance == "global":
        return binary_entropy(load_S.mean())
    if routing == "exclusive":
        entropy: Tensor = torch.special.entr(load_S.clamp(min=SMALLEST_LOAD)).sum()
        return entropy / math.log(max(load_S.numel(), 2))
    return binary_entropy(load_S).mean()
