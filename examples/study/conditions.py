"""What is compared: one condition is what a user would add to `qrd train`, and the paths it is given.

Equal training tokens: every student learns from PATHS_A_STEP paths in each of the same number of steps. Where a router
sends a path to half of the students on average, a window holds twice as many paths. Steps are equal too, since a
condition that took twice as many of them with half the paths would gain by that alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PATHS_A_STEP = 12
REFERENCE, BASE = "filtered", "base"
ROUTED: dict[str, Any] = {"router_learning_rate": 1e-3}


@dataclass(frozen=True)
class Condition:
    """`options` are those of `qrd train`; `paths` is the file of a seed; `share` of the questions is used.

    `reach` is how many of the two students a path goes to on average, `learners` who is compared.
    """

    name: str
    says: str
    options: Mapping[str, Any] = field(default_factory=dict)
    paths: str = "kept"
    reach: float = 1.0
    share: float = 1.0
    learners: tuple[str, ...] = ("merged", "digits")

    @property
    def batch(self) -> int:
        """Paths of a window."""
        return round(PATHS_A_STEP * 2 / self.reach)


SFT: dict[str, Any] = {"objective": "sft"}

ALL = (
    Condition(BASE, "zero-shot: the students as they have read"),
    Condition("one", "one path per question", {**SFT, "paths_per_question": "one"}, reach=2),
    Condition("unfiltered", "all paths, no filter", SFT, paths="judged", reach=2),
    Condition(REFERENCE, "all paths filtered, no routing (the reference)", SFT, reach=2),
    Condition("step-by-step", "rationale and answer as two targets", {"objective": "step-by-step"}, reach=2),
    Condition("mutual", "no routing, with mutual distillation", {"routing": "none"}, reach=2),
    Condition("exclusive", "exclusive routing", {**ROUTED, "routing": "exclusive"}),
    Condition("independent", "independent routing, no mutual", {**ROUTED, "lambda_mutual": 0.0}),
    Condition("full", "qr-distill: filter, independent routing, mutual", ROUTED),
    Condition("full, unfiltered", "qr-distill without the filter", ROUTED, paths="judged"),
    Condition("full, state", "qr-distill, --router-input path+state", {**ROUTED, "router_input": "path+state"}),
    Condition("full, gain", "qr-distill, --route-by gain", {**ROUTED, "route_by": "gain"}),
    Condition("full, entropy 1", "qr-distill, --lambda-entropy 1", {**ROUTED, "lambda_entropy": 1.0}),
    Condition("full, rate 1e-4", "qr-distill, the released code's rate of the router", {"router_learning_rate": 1e-4}),
    Condition("full, coin", "qr-distill, the router never learns", {"router_learning_rate": 1e-12}),
    Condition("full, digits frozen", "qr-distill, --freeze digits", {**ROUTED, "freeze": ("digits",)},
              learners=("merged",)),
    Condition("full, merged frozen", "qr-distill, --freeze merged", {**ROUTED, "freeze": ("merged",)},
              learners=("digits",)),
    Condition("filtered at 25%", "the reference with a quarter of the questions", SFT, reach=2, share=0.25),
    Condition("filtered at 50%", "the reference with half of the questions", SFT, reach=2, share=0.5),
    Condition("full at 25%", "qr-distill with a quarter of the questions", ROUTED, share=0.25),
    Condition("full at 50%", "qr-distill with half of the questions", ROUTED, share=0.5),
)  # fmt: skip

BY_NAME = {condition.name: condition for condition in ALL}
