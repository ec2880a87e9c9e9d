"""The one training loop: windows of paths, micro-batches, one optimizer step per window, checkpoints.

A step is a window of batch x accumulation x processes paths. The objective is asked first which student runs
which path; the window is then cut into micro-batches by tokens alone, each with its own backward pass. As all
normalisers belong to the window, neither losses nor gradients depend on the cut, and memory is bounded by one
micro-batch.

Nothing random has a state that would have to be saved: order, gates and dropout are seeded from the run's
seed and the place in the run.

Axes: K paths of a window, B paths of a micro-batch, S students.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from qrd.config import TrainConfig
from qrd.errors import QrdError
from qrd.training.batches import Example, collate, cut, derive_seed, epoch_order
from qrd.training.devices.sharding import take_turns
from qrd.training.devices.shards import is_sharded
from qrd.training.objective import Closing, Micro, Objective, Window, WindowLoss
from qrd.training.optimisation import (
    ROUTER,
    Trained,
    clip,
    learning_rates,
    make_optimizer,
    rate_multiplier,
    set_rates,
)
from qrd.training.students.student import Student


@dataclass(frozen=True)
class StepResult:
    """One finished step, for the logs."""

    window: Window
    loss: WindowLoss
    closing: Closing
    student_tokens: Mapping[str, int]


class Loop:
    """The students, their optimizer and the objective in step with each other."""

    def __init__(
        self,
        students: Sequence[Student],
        examples: Sequence[Example],
        objective: Objective,
        config: TrainConfig,
        accelerator: Accelerator,
    ) -> None:
        self.students, self.examples, self.objective = students, examples, objective
        self.config, self.accelerator = config, accelerator
        # What the students have in common (gates, mutual terms) is where the first of them is.
        self.device = students[0].device
        self.sharded = any(student.sharded for student in students)
        router = {name: p for name, p in objective.modules.named_parameters() if p.requires_grad}
        self.trained = Trained({**{student.name: student.trainable() for student in students}, ROUTER: router})
        rates = learning_rates(config, [student.name for student in students])
        self.names = self.trained.names()
        self.optimizer = make_optimizer(self.trained, rates, weight_decay=config.weight_decay)
        self.window_size = (
            config.per_device_train_batch_size * config.gradient_accumulation_steps * accelerator.num_processes
        )
        self.steps_per_epoch = math.ceil(len(examples) / self.window_size)
        self.total_steps = config.max_steps or math.ceil(config.num_train_epochs * self.steps_per_epoch)
        self.rate_multiplier = rate_multiplier(
            config.lr_scheduler_type, warmup_ratio=config.warmup_ratio, total_steps=self.total_steps
        )

    def window(self, step: int) -> Window:
        """The window of a step (from 0): a pure function of seed, paths and step."""
        epoch, place = divmod(step, self.steps_per_epoch)
        order = epoch_order(len(self.examples), seed=self.config.seed, epoch=epoch)
        rows = tuple(order[place * self.window_size : (place + 1) * self.window_size])
        progress = step / max(self.total_steps - 1, 1)
        return Window(step, epoch, progress, rows, tuple(self.examples[row] for row in rows))

    def run_step(self, step: int) -> StepResult:
        """One optimizer step.

        Raises: QrdError where a gradient is not finite; nothing is changed then.
        """
        window = self.window(step)
        loss = self.objective.open(window)
        ce_sum_KS, sums = self._run_micro_batches(window, loss)
        self._reduce_gradients()
        closing = loss.close(ce_sum_KS, sums)
        if closing.loss is not None:
            closing.loss.backward()  # type: ignore[no-untyped-call]
        self._update(step)
        return StepResult(window, loss, closing, self._count_tokens(window, loss.selected_KS))

    def learning_rate(self) -> dict[str, float]:
        """The rate of each group at the last step."""
        rates = {self.names[group["params"][0]].partition("/")[0]: group["lr"] for group in self.optimizer.param_groups}
        return {name: float(rate) for name, rate in rates.items()}

    def _run_micro_batches(self, window: Window, loss: WindowLoss) -> tuple[Tensor, dict[str, float]]:
        """Backward of every micro-batch; the detached losses of all pairs and the sums of the parts."""
        selected_KS = loss.selected_KS.cpu()
        ce_sum_KS = torch.zeros(selected_KS.shape)
        sums: dict[str, Tensor] = {}
        losses: list[tuple[list[int], Tensor]] = []
        pieces = cut_by_students(window.examples, selected_KS, self.config.micro_batch_tokens)
        for number, counts in self._own(pieces, selected_KS):
            rows = pieces[number]
            torch.manual_seed(derive_seed(self.config.seed, "dropout", window.step, number))
            micro = self._run_students(window, rows, selected_KS)
            part = loss.part(micro)
            if part.loss.requires_grad:  # not so where only frozen students ran
                (part.loss * float(counts)).backward()  # type: ignore[no-untyped-call]
            if not counts:
                continue
            losses.append((rows, micro.ce_sum_BS.detach()))
            for name, value in part.sums.items():
                sums[name] = sums[name] + value if name in sums else value
        # Read at the end: reading waits for a device, and the next micro-batch may be for another one.
        for rows, ce_sum_BS in losses:
            ce_sum_KS[rows] = ce_sum_BS.cpu()
        return self._reduce_losses(ce_sum_KS, {name: value.item() for name, value in sums.items()})

    def _own(self, pieces: Sequence[Sequence[int]], selected_KS: Tensor) -> list[tuple[int, bool]]:
        """The micro-batches that this process runs, and whether each counts."""
        process, num_processes = self.accelerator.process_index, self.accelerator.num_processes
        if not self.sharded:
            return [(number, True) for number in range(process, len(pieces), num_processes)]
        students_of = [tuple(selected_KS[rows[0]].tolist()) for rows in pieces]
        return take_turns(students_of, process=process, num_processes=num_processes)

    def _run_students(self, window: Window, rows: Sequence[int], selected_KS: Tensor) -> Micro:
        columns = []
        hidden: list[dict[int, Tensor]] = [{} for _ in rows]
        ce: list[dict[int, Tensor]] = [{} for _ in rows]
        for s, student in enumerate(self.students):
            column: list[Tensor] = [torch.zeros((), device=self.device)] * len(rows)
            places = [b for b, row in enumerate(rows) if selected_KS[row, s]]
            if places:
                found = student.run(collate([window.examples[rows[b]].encoded[s] for b in places]))
                for b, ce_N, hidden_TD in zip(places, found.ce, found.hidden, strict=True):
                    ce[b][s], hidden[b][s] = ce_N.to(self.device), hidden_TD
                    column[b] = ce[b][s].sum()
            columns.append(torch.stack(column))
        return Micro(tuple(rows), torch.stack(columns, dim=1), tuple(hidden), tuple(ce))

    def _update(self, step: int) -> None:
        norms = clip(self.trained, self.config.max_grad_norm)
        broken = [name for name, norm in norms.items() if not math.isfinite(norm)]
        if broken:
            self.optimizer.zero_grad()
            raise QrdError(
                f"step {step + 1}: the gradient of {', '.join(broken)} is not finite; a lower --learning-rate or "
                "--max-grad-norm, or --dtype float32, may help"
            )
        set_rates(self.optimizer, self.rate_multiplier(step))
        self.optimizer.step()
        self.optimizer.zero_grad()

    def _reduce_losses(self, ce_sum_KS: Tensor, sums: dict[str, float]) -> tuple[Tensor, dict[str, float]]:
        if self.accelerator.num_processes == 1:
            return ce_sum_KS, sums
        from accelerate.utils import gather_object

        shared = gather_object([(ce_sum_KS, sums)])
        names = {name for _, each in shared for name in each}
        total = {name: sum(each.get(name, 0.0) for _, each in shared) for name in sorted(names)}
        return torch.stack([ce for ce, _ in shared]).sum(dim=0), total

    def _reduce_gradients(self) -> None:
        """Add the processes' gradients up: each ran its own micro-batches of one window with the window's
        normalisers, so the sum is the gradient. A parameter without gradient everywhere stays without."""
        if self.accelerator.num_processes == 1:
            return
        # Those of sharded students are added up as they come.
        parameters = [p for p in self.trained.named().values() if not is_sharded(p)]
        device = self.device
        has: Any = self.accelerator.reduce(
            torch.tensor([float(p.grad is not None) for p in parameters], device=device), reduction="sum"
        )
        for parameter, count in zip(parameters, has.tolist(), strict=True):
            if count:
                grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                parameter.grad = self.accelerator.reduce(grad, reduction="sum")

    def _count_tokens(self, window: Window, selected_KS: Tensor) -> dict[str, int]:
        """Real tokens each student ran, padding not counted."""
        picked = selected_KS.tolist()
        return {
            student.name: sum(len(e.encoded[s].ids) for e, row in zip(window.examples, picked, strict=True) if row[s])
            for s, student in enumerate(self.students)
        }


def cut_by_students(examples: Sequence[Example], selected_KS: Tensor, budget: int) -> list[list[int]]:
    """Places of the window in micro-batches, longest first; all paths of one are run by the same students.

    So every pass of a student is as full as the budget allows, however many students there are, and a step takes the
    time of its routed paths.
    Example: paths of 4 tokens each, of which student 0 runs the first and the third and student 1 the second, with a
    budget of 8 give ``[[0, 2], [1]]``.
    """
    groups: dict[tuple[bool, ...], list[int]] = {}
    for row, picked in enumerate(selected_KS.tolist()):
        groups.setdefault(tuple(picked), []).append(row)
    pieces = []
    for rows in groups.values():
        lengths = [_longest(examples[row], selected_KS[row]) for row in rows]
        pieces += [(max(lengths[i] for i in piece), [rows[i] for i in piece]) for piece in cut(lengths, budget)]
    return [rows for _, rows in sorted(pieces, key=lambda piece: (-piece[0], piece[1]))]


def _longest(example: Example, picked_S: Tensor) -> int:
    """Tokens of the longest version of a path that will be run; 0 where no student runs it."""
    return max((len(e.ids) for e, run in zip(example.encoded, picked_S.tolist(), strict=True) if run), default=0)
