"""Distilling step-by-step in the same loop: rationale and answer as two targets, each with a weight of its own.

In plain fine-tuning a long rationale drowns the few tokens of the answer. Here each is a mean over its own tokens.
Source: Hsieh et al., "Distilling Step-by-Step!", 2023 (arXiv 2305.02301), section 3.2, which sums a label loss and
a rationale loss; the baseline of that name in the paper's Table 1. There the two are answers to two prompts; here
they are the two parts of one response, so that a student is asked at test time what it was trained on.

Axes: K paths of a window, S students.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qrd.config import TrainConfig
from qrd.training.batches import Example
from qrd.training.objective import Closing, Micro, Part, Window
from qrd.training.students.student import Student

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)")


def make(config: TrainConfig, students: Sequence[Student], examples: Sequence[Example]) -> StepByStep:
    """The objective for these students, with the weight that --rationale-weight says."""
    return StepByStep([student.name for student in students], float(config.rationale_weight or 0))


def answer_start(response: str) -> int:
    """The character at which the answer begins: the last line that is not blank, or the last sentence of a response
    of one line. A response of one sentence is all answer.

    Example: 10 for ``"3 + 4 = 7\\nFinal answer: 7"``.
    """
    text = response.strip()
    first = response.index(text) if text else 0
    line = text.rfind("\n")
    if line >= 0:
        return first + line + 1
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return first + ends[-1] if ends else 0


class StepByStep:
    """The objective `step-by-step`: for each student, mean answer loss + weight * mean rationale loss."""

    def __init__(self, students: list[str], rationale_weight: float) -> None:
        self.students, self.rationale_weight = students, rationale_weight
        self.modules: nn.Module = nn.ModuleDict()

    def facts(self) -> dict[str, Any]:
        """Nothing: it has no modules."""
        return {}

    def open(self, window: Window) -> StepByStepWindow:
        """The objective on one window."""
        return StepByStepWindow(self, window)


class StepByStepWindow:
    """StepByStep on one window: how many of each pair's target tokens are rationale, and their sums per student.

    The end of turn is part of the answer, so no student is without an answer token.
    """

    def __init__(self, whole: StepByStep, window: Window) -> None:
        self.whole = whole
        starts = [answer_start(example.response) for example in window.examples]
        self.cuts = [
            # A token over the border is the answer's: many tokenizers give a word the space before it.
            [sum(end <= start for _, end in encoded.offsets) for encoded in example.encoded]
            for example, start in zip(window.examples, starts, strict=True)
        ]
        targets_KS, cut_KS = window.targets(), torch.tensor(self.cuts, dtype=torch.float32)
        self.num_rationale_S = cut_KS.sum(dim=0).clamp(min=1).tolist()
        self.num_answer_S = (targets_KS - cut_KS).sum(dim=0).tolist()
        self.selected_KS = torch.ones_like(targets_KS, dtype=torch.bool)
        self.probability_KS = torch.ones_like(targets_KS)

    def part(self, micro: Micro) -> Part:
        """The micro-batch's share of both means."""
        loss = micro.ce_sum_BS.new_zeros(())
        sums: dict[str, Tensor] = {}
        for row, ce in zip(micro.rows, micro.ce, strict=True):
            for s, ce_N in ce.items():
                cut = self.cuts[row][s]
                rationale, answer = ce_N[:cut].sum() / self.num_rationale_S[s], ce_N[cut:].sum() / self.num_answer_S[s]
                loss = loss + answer + self.whole.rationale_weight * rationale
                for name, value in ((f"rationale/{s}", rationale.detach()), (f"answer/{s}", answer.detach())):
                    sums[name] = sums[name] + value if name in sums else value
        return Part(loss, sums)

    def close(self, ce_sum_KS: Tensor, sums: Mapping[str, float]) -> Closing:
        """Both losses of each student, for the logs; nothing is left to be learnt."""
        terms: dict[str, float] = {}
        for s, name in enumerate(self.whole.students):
            terms |= {f"{part}/{name}": sums[f"{part}/{s}"] for part in ("rationale", "answer")}
            terms[f"distill/{name}"] = sums[f"answer/{s}"] + self.whole.rationale_weight * sums[f"rationale/{s}"]
        total = sum(terms[f"distill/{name}"] for name in self.whole.students)
        return Closing(None, {"loss": total, "distill": total, **terms})
