"""Mutual-student distillation on one path: the routed students learn from their ensemble (eq. 5-8).

Axes: S students the path was routed to, W words of its response, D width of the shared space. Everything is
float32, under autocast too (departure 9).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Projection(nn.Module):
    """One student's way into the shared space: linear, without bias (eq. 5; departure 7).

    Shapes: words_WD of the student's width -> (W, width of the shared space).
    """

    def __init__(self, student_width: int, shared_width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(student_width, shared_width, bias=False)

    def forward(self, words_WD: Tensor) -> Tensor:
        """The words in the shared space, not yet normalised."""
        projected_WD: Tensor = self.linear(words_WD)
        return projected_WD


class Competence(nn.Module):
    """One vector w per student, which scores that student's mean state; 0 at the start, so all weigh the
    same.

    Shapes: weight_SD.
    Source: section 2.5, eq. 6.
    """

    def __init__(self, num_students: int, shared_width: int) -> None:
        super().__init__()
        self.weight_SD = nn.Parameter(torch.zeros(num_students, shared_width))


def project(projection: Projection, words_WD: Tensor) -> Tensor:
    """The student's words in the shared space, each with mean 0 and variance 1 over the dimensions.

    Source: section 2.5, eq. 5; departures 7 and 9.
    """
    with torch.autocast(words_WD.device.type, enabled=False):
        shared_WD = projection(words_WD.float())
        return F.layer_norm(shared_WD, shared_WD.shape[-1:])


def competence_scores(shared_SWD: Tensor, weight_SD: Tensor) -> Tensor:
    """w_s . mean over words of z~_s; its gradient reaches w only (departure 7).

    Shapes: score_S.
    """
    return (shared_SWD.detach().mean(dim=1) * weight_SD).sum(dim=-1)


def competence(shared_SWD: Tensor, weight_SD: Tensor) -> Tensor:
    """gamma: how much each student's voice weighs in the ensemble, summing to 1.

    Math: gamma_s = softmax over students of w_s . mean_w z~_s[w].
    Source: section 2.5, eq. 6.
    """
    return competence_scores(shared_SWD, weight_SD).softmax(dim=0)


def ensemble(shared_SWD: Tensor, gamma_S: Tensor) -> Tensor:
    """The provisional teacher, without gradient: z_ens = sum_s gamma_s z~_s.

    Shapes: target_WD.
    Source: section 2.5, eq. 7; departure 7.
    """
    return torch.einsum("s,swd->wd", gamma_S, shared_SWD).detach()


def peer_loss(shared_SWD: Tensor, target_WD: Tensor) -> Tensor:
    """Squared distance to the ensemble: a mean over words and dimensions, summed over students (a scalar).

    Source: section 2.5, eq. 8 for one path; departure 7.
    """
    return (shared_SWD - target_WD).square().mean(dim=(1, 2)).sum()


def competence_loss(shared_SWD: Tensor, weight_SD: Tensor, ce_mean_S: Tensor) -> Tensor:
    """KL from who does well on the path to who is trusted with it (a scalar); teaches w and nothing else.

    Math: p = softmax_s(-CE_s); sum_s p_s (log p_s - log gamma_s), CE_s the student's mean loss per target
    token.
    Source: departure 7.
    """
    target_S = (-ce_mean_S.detach().float()).log_softmax(dim=0)
    log_gamma_S = competence_scores(shared_SWD, weight_SD).log_softmax(dim=0)
    return F.kl_div(log_gamma_S, target_S, reduction="sum", log_target=True)


@torch.no_grad()
def spread(shared_SWD: Tensor) -> Tensor:
    """Deviation of z~ over the words, a mean over dimensions, per student: near 0 when all words look alike.

    Shapes: spread_S.
    Source: departure 7.
    """
    return shared_SWD.std(dim=1, unbiased=False).mean(dim=-1)
