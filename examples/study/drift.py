"""How long a router keeps a split that is known to be right: no students, only losses that never change.

Half of 64 paths suit one student, half the other, who finds everything harder. Agreement is the share of (path,
student) gates that are as planned. CENTRED stands for a lesson that qrd does not have: a path is compared with the
student's average over all paths that it ever ran, in place of its average over those of this window.
"""

from __future__ import annotations

import json
from pathlib import Path as File
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from examples.study.tasks import Rows
from qrd.method import objective, router

SEEDS, CHECKED = 5, (150, 400, 800, 1500)
NUM_PATHS, WINDOW, WIDTH = 64, 16, 8
CENTRED = "centred"
# Routing, the router's rate, lambda_entropy, and what a path is compared with.
VARIANTS = (
    ("independent", 3e-3, 0.01, "window"), ("independent", 3e-3, 0.3, "window"), ("independent", 3e-3, 1.0, "window"),
    ("independent", 3e-3, 0.01, CENTRED), ("exclusive", 3e-3, 0.01, "window"),
    ("independent", 1e-3, 0.01, "window"), ("exclusive", 1e-3, 0.01, "window"),
    ("independent", 1e-4, 0.01, "window"), ("exclusive", 1e-4, 0.01, "window"),
)  # fmt: skip


def run(file: File) -> Rows:
    """Mean agreement of every variant after so many windows, written to `file`; what is there is read back."""
    if file.is_file() and len(rows := list(json.loads(file.read_text("utf-8")))) == len(VARIANTS):
        return rows
    rows = []
    for routing, rate, weight, against in VARIANTS:
        each = [agreements(seed, routing, rate, weight, against) for seed in range(SEEDS)]
        means = {str(step): round(fmean(one[step] for one in each), 3) for step in CHECKED}
        told = {"routing": routing, "rate": rate, "lambda_entropy": weight, "against": against}
        rows.append({**told, "agreement": means})
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    return rows


def table(rows: Rows) -> str:
    """The agreements in Markdown."""
    head = "| routing | rate | lambda_entropy | a path is compared with |" + "".join(f" {n} windows |" for n in CHECKED)
    lines = [head, "|---|---|---|---|" + "---|" * len(CHECKED)]
    for row in rows:
        against = "the window's average" if row["against"] == "window" else "all paths so far (not built)"
        told = " | ".join(f"{row['agreement'][str(step)]:.2f}" for step in CHECKED)
        lines.append(f"| {row['routing']} | {row['rate']:g} | {row['lambda_entropy']:g} | {against} | {told} |")
    return "\n".join(lines) + "\n"


def agreements(seed: int, routing: Any, rate: float, weight: float, against: str) -> dict[int, float]:
    """Agreement after each of the CHECKED windows, for one seed."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    kind_K = torch.arange(NUM_PATHS) % 2
    planned_KS = torch.nn.functional.one_hot(kind_K, 2).float()
    embedding_KD = torch.randn(NUM_PATHS, WIDTH, generator=generator)
    embedding_KD += 3.0 * torch.nn.functional.one_hot(kind_K, WIDTH)
    tokens_KS = torch.randint(20, 60, (NUM_PATHS, 1), generator=generator).float().expand(NUM_PATHS, 2)
    harder_S = torch.tensor([0.0, 0.8])
    ce_KS = tokens_KS * (1.5 - planned_KS + harder_S + 0.1 * torch.randn(NUM_PATHS, 2, generator=generator))
    gate = router.Router(WIDTH, 32, 2)
    gate.standardise_as(embedding_KD)
    optimizer = torch.optim.AdamW(gate.parameters(), lr=rate)
    sum_S, num_S, found = torch.zeros(2), torch.zeros(2), {}
    for step in range(1, max(CHECKED) + 1):
        rows_K = torch.randperm(NUM_PATHS, generator=generator)[:WINDOW]
        logits_KS = gate(embedding_KD[rows_K])
        noise_KS = router.draw_noise(WINDOW, 2, routing=routing, generator=generator)
        alpha_KS = router.draw_gates(logits_KS, noise_KS, routing=routing, temperature=1.0)
        sum_S = sum_S + (alpha_KS.detach() * ce_KS[rows_K] / tokens_KS[rows_K]).sum(dim=0)
        num_S = num_S + alpha_KS.detach().sum(dim=0)
        average_S = sum_S / num_S.clamp(min=1)
        distill_S = lesson(alpha_KS, ce_KS[rows_K], tokens_KS[rows_K], average_S if against == CENTRED else None)
        entropy = router.load_entropy(router.probabilities(logits_KS, routing), routing=routing, balance="per-student")
        optimizer.zero_grad()
        (distill_S.sum() - weight * entropy).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step in CHECKED:
            chosen_KS = router.choose_gates(gate(embedding_KD), routing)
            found[step] = (chosen_KS == planned_KS).float().mean().item()
    return found


def lesson(alpha_KS: Tensor, ce_KS: Tensor, tokens_KS: Tensor, average_S: Tensor | None) -> Tensor:
    """The router's loss for each student: qrd's own, or with distances to `average_S`. Shapes: loss_S."""
    if average_S is None:
        return objective.distill_loss(alpha_KS, ce_KS, tokens_KS)
    taken_S = (alpha_KS.detach() * tokens_KS).sum(dim=0).clamp(min=1)
    return (alpha_KS * (ce_KS - average_S * tokens_KS)).sum(dim=0) / taken_S
