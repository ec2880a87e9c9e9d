"""Fine-tuning in which every path weighs the same, however long it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qrd.config import TrainConfig
from qrd.training.batches import Example
from qrd.training.objective import Closing, Micro, Part, Window
from qrd.training.students.student import Student


def make(config: TrainConfig, students: Sequence[Student], examples: Sequence[Example]) -> PerPath:
    """The objective for these students."""
    return PerPath([student.name for student in students])


class PerPath:
    """The objective `per-path`: each student's mean over paths of the mean loss over a path's tokens."""

    def __init__(self, students: list[str]) -> None:
        self.students = students
        self.modules: nn.Module = nn.ModuleDict()

    def facts(self) -> dict[str, Any]:
        """Nothing: it has no modules."""
        return {}

    def open(self, window: Window) -> PerPathWindow:
        """The objective on one window."""
        return PerPathWindow(self.students, window.targets())


class PerPathWindow:
    """PerPath on one window."""

    def __init__(self, students: list[str], targets_KS: Tensor) -> None:
        self.students, self.weight_KS = students, 1 / (targets_KS * len(targets_KS))
        self.selected_KS = torch.ones_like(targets_KS, dtype=torch.bool)
        self.probability_KS = torch.ones_like(targets_KS)

    def part(self, micro: Micro) -> Part:
        """The micro-batch's share of the mean."""
        return Part((micro.ce_sum_BS * self.weight_KS[list(micro.rows)]).sum())

    def close(self, ce_sum_KS: Tensor, sums: Mapping[str, float]) -> Closing:
        """The losses, for the logs."""
        loss_S = (ce_sum_KS * self.weight_KS).sum(dim=0).tolist()
        each = {f"distill/{name}": loss for name, loss in zip(self.students, loss_S, strict=True)}
        return Closing(None, {"loss": sum(loss_S), "distill": sum(loss_S), "paths": len(self.weight_KS), **each})
