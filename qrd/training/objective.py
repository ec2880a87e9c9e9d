"""The contract of an objective: what the loop hands it of each window, and what it hands back.

A window is one step. The loop calls, in this order:

1. `Objective.open(window)`, before any student runs: what comes back says which student runs which path.
2. `WindowLoss.part(micro)` once for each micro-batch, which may hold fewer paths than the window: what comes back goes
   backward at once, so it must hold all normalisers of the window and no graph of another micro-batch.
3. `WindowLoss.close(ce_sum_KS, sums)`, when all pairs have run: the loss of the objective's own modules, and the logs.

To write one: ``objectives.sft`` is the smallest, and ``stages.train.objectives`` the table that it goes into.

Axes: K paths of a window, B of a micro-batch, S students, N target tokens, T tokens of a response, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from qrd.training.batches import Example


@dataclass(frozen=True)
class Window:
    """The paths of one step. `rows` are their places among all paths; `progress` is how far training is: 0 at the
    first step, 1 at the last."""

    step: int
    epoch: int
    progress: float
    rows: tuple[int, ...]
    examples: tuple[Example, ...]

    def targets(self) -> Tensor:
        """Target tokens of each pair.

        Shapes: num_KS float32.
        """
        return torch.tensor([[float(e.num_targets) for e in example.encoded] for example in self.examples])


@dataclass(frozen=True)
class Micro:
    """What the students made of one micro-batch.

    `rows` are places in the window. Shapes: ce_sum_BS, 0 for pairs that were not run; `hidden[b][s]`
    hidden_TD of the response's tokens, and `ce[b][s]` ce_N of its targets, for the pairs that were. All are on
    the loop's device but the hidden states, which stay where their student is until it is known what is needed.
    """

    rows: tuple[int, ...]
    ce_sum_BS: Tensor
    hidden: tuple[Mapping[int, Tensor], ...]
    ce: tuple[Mapping[int, Tensor], ...]


@dataclass(frozen=True)
class Part:
    """A micro-batch's share of the window's loss, and of the values to be logged; both add up over
    micro-batches. `sums` are scalars without gradient, read once a step is done: reading waits for a device."""

    loss: Tensor
    sums: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Closing:
    """What is left when all micro-batches are done: a loss for the objective's own modules (or None) and the
    values to be logged, `loss` among the terms."""

    loss: Tensor | None
    terms: Mapping[str, float]
    spread: Mapping[str, float] = field(default_factory=dict)
    warning: str | None = None


class WindowLoss(Protocol):
    """An objective on one window.

    `selected_KS`: which student runs which path; pairs left out cost nothing. `probability_KS`: how likely each was,
    without noise, for routing.jsonl; 1 where nothing was drawn. Shapes: selected_KS bool, probability_KS float32.
    """

    selected_KS: Tensor
    probability_KS: Tensor

    def part(self, micro: Micro) -> Part:
        """The share of one micro-batch in the window's loss, differentiable in the students and, where they have a
        part in it, in the modules; the shares of any cut into micro-batches add up to the same."""
        ...

    def close(self, ce_sum_KS: Tensor, sums: Mapping[str, float]) -> Closing:
        """The rest, once for the window, given the detached losses of all pairs (0 for those that were not run) and the
        added-up sums of the parts."""
        ...


class Objective(Protocol):
    """What is trained for. `modules` are trained beside the students, with a rate of their own, and saved in every
    checkpoint with their buffers; they may be empty."""

    modules: nn.Module

    def facts(self) -> Mapping[str, Any]:
        """What it takes to build the modules again, as JSON-ready values: part of router/. Empty where there are none
        to be kept after the run."""
        ...

    def open(self, window: Window) -> WindowLoss:
        """The objective on one window, its gates drawn: a pure function of the window, the modules and the seed, so
        that a resumed run draws the same."""
        ...
