"""What each student made of each path so far: its "current learning state", for router and lesson.

Source: section 2.4 calls the routing conditional on the students' current learning state, yet eq. 2 shows the
router the path alone. Beyond the paper.

Axes: J paths of the training set, K paths of a window, S students.
"""

import torch
from torch import Tensor, nn

# Share of the newest loss in the running mean: a pair is seen once an epoch, so older ones soon tell nothing.
NEWEST = 0.5


class LossMemory(nn.Module):
    """Running mean of each student's loss per target token on each path; buffers, so checkpoints hold it.

    Shapes: mean_JS float32, 0 for a pair that was never run; seen_JS bool.
    """

    mean_JS: Tensor
    seen_JS: Tensor

    def __init__(self, num_paths: int, num_students: int) -> None:
        super().__init__()
        self.register_buffer("mean_JS", torch.zeros(num_paths, num_students))
        self.register_buffer("seen_JS", torch.zeros(num_paths, num_students, dtype=torch.bool))

    @torch.no_grad()
    def note(self, rows_K: Tensor, ce_mean_KS: Tensor, selected_KS: Tensor) -> None:
        """Take the losses of the selected pairs in; a pair's first loss is its mean.

        Math: m <- m + NEWEST * (ce - m).
        """
        before_KS = torch.where(self.seen_JS[rows_K], self.mean_JS[rows_K], ce_mean_KS)
        after_KS = before_KS + NEWEST * (ce_mean_KS - before_KS)
        self.mean_JS[rows_K] = torch.where(selected_KS, after_KS, self.mean_JS[rows_K])
        self.seen_JS[rows_K] |= selected_KS


@torch.no_grad()
def standardise_losses(mean_JS: Tensor, seen_JS: Tensor, rows_K: Tensor) -> Tensor:
    """How hard the window's paths are for each student, in deviations from its mean over the paths it has seen.

    A pair that was never run stands at the student's mean, which is 0.

    Shapes: state_KS float32.
    Example: a student with losses 1 and 3 on two paths and none on a third has the states -1, 1 and 0.
    """
    num_S = seen_JS.sum(dim=0).clamp(min=1)
    average_S = torch.where(seen_JS, mean_JS, 0.0).sum(dim=0) / num_S
    distance_JS = torch.where(seen_JS, mean_JS - average_S, 0.0)
    deviation_S = (distance_JS.square().sum(dim=0) / num_S).sqrt()
    return distance_JS[rows_K] / torch.where(deviation_S > 1e-6, deviation_S, 1.0)
