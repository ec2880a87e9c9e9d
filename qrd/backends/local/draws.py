"""Drawing the next token of each row by the row's own temperature, nucleus and random numbers.

One uniform number per row and step, from the row's own generator, is turned into a token through the cumulative
distribution. So a row draws the same tokens whatever rows stand beside it.

Axes: B rows, R the rows that are drawn and not greedy, V vocabulary, K most likely tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qrd.backends.protocol import Sampling

FIRST_NUCLEUS = 256  # most likely tokens looked at before more are: sorting 262,144 of them takes longer than the model


def draw(logits_BV: Tensor, sampling: Sequence[Sampling], generators: Sequence[torch.Generator]) -> Tensor:
    """The next token of each row: shape B, int64."""
    tokens_B = logits_BV.argmax(-1)
    for wants_nucleus in (False, True):
        index = [i for i, s in enumerate(sampling) if s.temperature > 0 and (s.top_p < 1) is wants_nucleus]
        if not index:
            continue
        device = logits_BV.device
        heat_R = torch.tensor([sampling[i].temperature for i in index], device=device)
        uniform_R = torch.stack([torch.rand((), generator=generators[i]) for i in index]).to(device)
        probs_RV = (logits_BV[index] / heat_R[:, None]).softmax(-1)
        if wants_nucleus:
            top_p_R = torch.tensor([sampling[i].top_p for i in index], device=device)
            tokens_B[index] = _nucleus_draw(probs_RV, uniform_R, top_p_R)
        else:
            tokens_B[index] = _draw(probs_RV, uniform_R)
    return tokens_B


def _draw(weights_RV: Tensor, uniform_R: Tensor) -> Tensor:
    """The first entry at which the running share of the weights passes the uniform number.

    Example: weights ``[1, 2, 1]``: below 0.25 entry 0, from 0.25 to 0.75 entry 1, above entry 2.
    """
    running_RV = weights_RV.cumsum(-1)
    place_R1 = torch.searchsorted(running_RV, (uniform_R * running_RV[:, -1])[:, None], right=True)
    return place_R1[:, 0].clamp(max=weights_RV.shape[-1] - 1)


def _nucleus_draw(probs_RV: Tensor, uniform_R: Tensor, top_p_R: Tensor) -> Tensor:
    """A draw among the fewest tokens whose probabilities sum to `top_p` or more."""
    size, num_tokens = FIRST_NUCLEUS, probs_RV.shape[-1]
    while True:
        top = probs_RV.topk(min(size, num_tokens))
        if size >= num_tokens or bool((top.values.sum(-1) >= top_p_R).all()):
            break
        size *= 8
    before_RK = top.values.cumsum(-1) - top.values
    inside_RK = top.values * (before_RK < top_p_R[:, None])
    return top.indices.gather(1, _draw(inside_RK, uniform_R)[:, None])[:, 0]
