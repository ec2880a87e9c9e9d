"""Losses at target positions equal those of whole logits, in value and gradient."""

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from qrd.training import logits
from qrd.training.logits import Head, agrees, read_head, target_losses


def expected_losses(head, hidden_ND, target_N):
    raw_NV = head.layer(hidden_ND).double() * head.scale
    shaped_NV = raw_NV if head.softcap is None else head.softcap * torch.tanh(raw_NV / head.softcap)
    return torch.nn.functional.cross_entropy(shaped_NV, target_N, reduction="none")


@pytest.mark.parametrize("softcap", [None, 2.0])
@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize("trained", [False, True])
def test_losses_and_gradients_equal_those_of_whole_logits(monkeypatch, softcap, scale, trained):
    torch.manual_seed(0)
    monkeypatch.setattr(logits, "CHUNK_ELEMENTS", 7 * 50)  # several chunks, the last one shorter
    layer = nn.Linear(16, 50, bias=False).requires_grad_(trained)
    head = Head(layer, scale, softcap)
    hidden_ND, target_N, weight_N = torch.randn(24, 16), torch.randint(0, 50, (24,)), torch.rand(24)
    found, reference = hidden_ND.clone().requires_grad_(), hidden_ND.clone().requires_grad_()
    ce_N = target_losses(head, found, target_N)
    (ce_N * weight_N).sum().backward()
    grad_VD = layer.weight.grad
    layer.weight.grad = None
    expected_N = expected_losses(head, reference, target_N)
    (expected_N * weight_N).sum().backward()
    assert torch.allclose(ce_N.double(), expected_N, atol=1e-5)
    assert torch.allclose(found.grad, reference.grad, atol=1e-6)
    if trained:
        assert torch.allclose(grad_VD, layer.weight.grad, atol=1e-5)
    else:
        assert grad_VD is None


def test_a_frozen_head_never_keeps_logits():
    head = Head(nn.Linear(8, 5000, bias=False).requires_grad_(False))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        target_losses(head, torch.randn(40, 8, requires_grad=True), torch.zeros(40, dtype=torch.long))
    assert kept
    assert max(kept) <= 40 * 8


@pytest.mark.parametrize("family", ["llama", "gemma"])
def test_the_head_read_from_a_configuration_gives_the_models_logits(tiny, family):
    model = AutoModelForCausalLM.from_pretrained(getattr(tiny, family))
    head = read_head(model)
    assert agrees(model, head)
    assert head.softcap == (5.0 if family == "gemma" else None)


def test_a_head_that_misses_something_is_noticed(tiny):
    model = AutoModelForCausalLM.from_pretrained(tiny.gemma)
    assert not agrees(model, Head(model.get_output_embeddings()))
