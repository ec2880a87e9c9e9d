"""The table of objectives: what --objective can ask for, and what makes it.

To add one, three files:

1. Its module: a class that keeps the contract of ``training.objective``, and a function `make` of the type below. It
   stands in ``training/objectives`` if it knows nothing of the method, else beside ``distilling`` here.
2. A line in `OBJECTIVES`.
3. Its name among the choices of `objective` in ``config/train.py``. An objective that is not qr-distill counts as a
   baseline there: every path goes to every student, and options of routing and mutual distillation are refused.

A routing is a value of qr-distill's and not an objective: ``config.train.ROUTINGS`` says how to add one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from qrd.config import TrainConfig
from qrd.stages.train import distilling
from qrd.training.batches import Example
from qrd.training.objective import Objective
from qrd.training.objectives import sft, step_by_step
from qrd.training.students.student import Student

Make = Callable[[TrainConfig, Sequence[Student], Sequence[Example]], Objective]

OBJECTIVES: Mapping[str, Make] = {
    "qr-distill": distilling.make,
    "sft": sft.make,
    "step-by-step": step_by_step.make,
}


def make_objective(config: TrainConfig, students: Sequence[Student], examples: Sequence[Example]) -> Objective:
    """The objective that the options ask for, for these students and all paths, in their order."""
    return OBJECTIVES[config.objective](config, students, examples)
