"""The objective (eq. 9), in the parts a window of micro-batches needs.

A window is run in micro-batches, each with its own backward pass. That is exact because every normaliser
(target tokens per student, number of co-routed paths) is known once the gates are drawn, before any forward
pass: the parts below simply add up to eq. 9.

Axes: K paths of the window or of one micro-batch, S students.
"""

import torch
from torch import Tensor


def distill_loss(alpha_KS: Tensor, ce_sum_KS: Tensor, num_tokens_KS: Tensor) -> Tensor:
    """L_distill of each student over the window; 0 for a student without a path.

    Given straight-through gates and detached sums, this is the router's lesson: a selected path on which the
    student does better than its own average is pulled in, the others are pushed out. Pairs that were not
    selected were never run, so they bear no gradient.

    The average is over the selected paths, so it falls as the selection gets better, and in time the harder half of
    the paths that suit a student is pushed out too; only the entropy term holds against that. Measured for
    `independent` on the planted split of tests/method/test_router.py (router rate 3e-3, 5 seeds), mean agreement
    after 150, 400 and 800 windows: 0.99, 0.94, 0.82 with lambda_entropy 0.01; 0.99, 0.98, 0.94 with 0.3; 0.99, 0.99,
    0.98 with 1; 0.99, 0.97, 0.88 with 0.01 and a weight decay of 0.3. Compared with the student's average over all
    paths it ever ran, in the place of this window's, it is at 0.97 with 0.01, yet on losses that fall throughout
    it takes too much (0.92 after 800, 3 seeds). `exclusive` does not drift (1.00 after 800).

    Shapes: alpha_KS, ce_sum_KS (summed over the pair's target tokens), num_tokens_KS -> loss_S.
    Math: L(s) = sum_j a_js CE_js / sum_j a_js n_js; dL/da_js = (CE_js - L(s) n_js) / sum_j a_js n_js.
    Source: section 2.6; departure 4.
    """
    selected_KS = alpha_KS.detach() > 0.5
    gate_KS = torch.where(selected_KS, alpha_KS, 0.0)
    ce_KS = torch.where(selected_KS, ce_sum_KS, 0.0)
    num_tokens_S = (gate_KS * num_tokens_KS).sum(dim=0)
    has_path_S = selected_KS.any(dim=0)
    return torch.where(has_path_S, (gate_KS * ce_KS).sum(dim=0) / torch.where(has_path_S, num_tokens_S, 1.0), 0.0)


def gain_loss(
    alpha_KS: Tensor, ce_sum_KS: Tensor, num_tokens_KS: Tensor, *, before_KS: Tensor, seen_KS: Tensor
) -> Tensor:
    """The router's lesson by learning gain: minus the mean fall of each student's loss per target token.

    The fall is from the pair's running mean `before_KS` to its loss now. A pair that was never run before has no
    fall and bears no gradient. As in ``distill_loss`` the gradient is the distance to the student's average, so a
    student that learns fast everywhere does not pull everything in, and forgetting pushes a path out.

    Shapes: as ``distill_loss``; seen_KS bool.
    Math: L(s) = - sum_j a_js n_js (m_js - CE_js / n_js) / sum_j a_js n_js, over the seen pairs.
    """
    known_KS = torch.where(seen_KS, alpha_KS, 0.0)
    return distill_loss(known_KS, ce_sum_KS - before_KS * num_tokens_KS, num_tokens_KS)


def distill_share(ce_sum_KS: Tensor, window_tokens_S: Tensor) -> Tensor:
    """What one micro-batch adds to sum_s L_distill(s), for the students' gradient (a scalar).

    `ce_sum_KS` is 0 for pairs that were not run; `window_tokens_S` counts the target tokens of all selected
    pairs of the window.
    """
    return (ce_sum_KS.sum(dim=0) / window_tokens_S.clamp(min=1)).sum()


def co_routed(selected_KS: Tensor) -> Tensor:
    """Which paths went to two students or more: those the peer-teaching pass uses.

    Shapes: selected_KS bool -> K bool.
    Source: section 2.5, eq. 8.
    """
    return selected_KS.sum(dim=1) >= 2


def total_loss(
    distill_S: Tensor, *, entropy: Tensor, mutual: Tensor, lambda_entropy: float, lambda_mutual: float
) -> Tensor:
    """Eq. 9: sum_s L_distill(s) - lambda_entropy H + lambda_mutual L_mutual (a scalar).

    Source: section 2.6, eq. 9; departure 1.
    """
    return distill_S.sum() - lambda_entropy * entropy + lambda_mutual * mutual
