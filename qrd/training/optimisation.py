"""AdamW over all students and the objective's own modules, with rates that are pure functions of the step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from qrd.config import TrainConfig
from qrd.errors import ConfigError
from qrd.training.devices.shards import whole

# Schedules that need nothing but the number of steps; the others of transformers watch an evaluation loss or
# take options of their own.
SCHEDULES = (
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
)


ROUTER = "router"  # the group of the objective's own modules


@dataclass(frozen=True)
class Trained:
    """Everything that training moves: parameters by group and by name.

    `groups` maps a student's name, or ROUTER for the objective's modules, to its named parameters.
    """

    groups: Mapping[str, Mapping[str, nn.Parameter]]

    def named(self) -> dict[str, Tensor]:
        """All parameters by `group/name`."""
        return {f"{group}/{name}": p for group, members in self.groups.items() for name, p in members.items()}

    def names(self) -> dict[Tensor, str]:
        """The other way round."""
        return {parameter: name for name, parameter in self.named().items()}


def learning_rates(config: TrainConfig, students: list[str]) -> dict[str, float]:
    """The peak rate of each group.

    Raises: ConfigError where there are neither one rate nor one per student.
    """
    rates = config.learning_rate
    if len(rates) not in (1, len(students)):
        raise ConfigError(f"--learning-rate: {len(rates)} rates for {len(students)} students; give one, or one each")
    each = rates if len(rates) == len(students) else rates * len(students)
    return {**dict(zip(students, each, strict=True)), ROUTER: config.router_learning_rate}


def make_optimizer(trained: Trained, rates: Mapping[str, float], *, weight_decay: float) -> torch.optim.AdamW:
    """AdamW with a rate per group; biases and norm gains (vectors) do not decay."""
    groups = []
    for name, members in trained.groups.items():
        for decays in (True, False):
            chosen = [p for p in members.values() if (p.ndim >= 2) == decays]
            if chosen:
                decay = weight_decay if decays else 0.0
                groups.append({"params": chosen, "lr": rates[name], "peak": rates[name], "weight_decay": decay})
    return torch.optim.AdamW(groups)


def rate_multiplier(kind: str, *, warmup_ratio: float, total_steps: int) -> Callable[[int], float]:
    """What the peak rates are multiplied with at a step, by one of the schedules of transformers.

    Raises: ConfigError for a schedule that is unknown or needs more than the number of steps.
    """
    from transformers import get_scheduler

    if kind not in SCHEDULES:
        raise ConfigError(f"--lr-scheduler-type: {kind!r} is not one of {', '.join(SCHEDULES)}")
    idle = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = get_scheduler(
        kind, idle, num_warmup_steps=math.ceil(total_steps * warmup_ratio), num_training_steps=total_steps
    )
    multiplier: Callable[[int], float] = schedule.lr_lambdas[0]
    return multiplier


def set_rates(optimizer: torch.optim.Optimizer, multiplier: float) -> None:
    """Set every group's rate to its peak times the multiplier."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * multiplier


def clip(trained: Trained, max_norm: float) -> dict[str, float]:
    """Clip each group's gradient to `max_norm` (0: never), each for itself, so one student's spike spares the
    others.

    Units: the norms before clipping, by group.
    """
    norms = {}
    for name, members in trained.groups.items():
        parameters = [p for p in members.values() if p.grad is not None]
        limit = max_norm if max_norm > 0 else math.inf
        norms[name] = float(whole(nn.utils.clip_grad_norm_(parameters, limit))) if parameters else 0.0
    return norms
