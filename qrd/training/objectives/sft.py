"""Plain supervised fine-tuning in the same loop: every student on every path, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qrd.config import TrainConfig
from qrd.training.batches import Example
from qrd.training.objective import Closing, Micro, Part, Window
from qrd.training.students.student import Student


def make(config: TrainConfig, students: Sequence[Student], examples: Sequence[Example]) -> Sft:
    """The objective for these students; neither options nor paths bear on it."""
    return Sft([student.name for student in students])


class Sft:
    """The objective `sft`: each student's mean loss per target token, summed over students."""

    def __init__(self, students: list[str]) -> None:
        self.students = students
        self.modules: nn.Module = nn.ModuleDict()

    def facts(self) -> dict[str, Any]:
        """Nothing: it has no modules."""
        return {}

    def open(self, window: Window) -> SftWindow:
        """The objective on one window."""
        return SftWindow(self.students, window.targets())


class SftWindow:
    """Sft on one window."""

    def __init__(self, students: list[str], targets_KS: Tensor) -> None:
        self.students = students
        self.num_tokens_S = targets_KS.sum(dim=0)
        self.selected_KS = torch.ones_like(targets_KS, dtype=torch.bool)
        self.probability_KS = torch.ones_like(targets_KS)

    def part(self, micro: Micro) -> Part:
        """The micro-batch's share of the mean over the window's target tokens."""
        return Part((micro.ce_sum_BS / self.num_tokens_S.to(micro.ce_sum_BS.device)).sum())

    def close(self, ce_sum_KS: Tensor, sums: Mapping[str, float]) -> Closing:
        """The losses, for the logs; nothing is left to be learnt."""
        loss_S = (ce_sum_KS.sum(dim=0) / self.num_tokens_S).tolist()
        each = {f"distill/{name}": loss for name, loss in zip(self.students, loss_S, strict=True)}
        return Closing(None, {"loss": sum(loss_S), "distill": sum(loss_S), **each})
