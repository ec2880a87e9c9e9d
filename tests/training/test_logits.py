"""Losses at target positions equal those of whole logits, in value and gradient."""

import pytest
import torch
from tiny_models import chatml_tokenizer, read_rows
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    ElectraConfig,
    ElectraForCausalLM,
    FalconH1Config,
    FalconH1ForCausalLM,
    ModernBertDecoderConfig,
    ModernBertDecoderForCausalLM,
    RobertaConfig,
    RobertaForCausalLM,
)

from qrd.console import Console
from qrd.stages.train import run as train
from qrd.training.batches import Encoded, collate
from qrd.training.students import logits
from qrd.training.students.loading import StudentSpec, load_student
from qrd.training.students.logits import Head, agrees, read_head, target_losses


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


def odd_model(family, *, vocabulary):
    """A model whose logits are more than its output layer on the decoder's states."""
    sizes = {
        "vocab_size": vocabulary, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 512, "pad_token_id": 0, "bos_token_id": 1,
        "eos_token_id": 2,
    }  # fmt: skip
    torch.manual_seed(0)
    if family == "scaled":
        mamba = {"mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_chunk_size": 16}
        config = FalconH1Config(**sizes, **mamba, num_key_value_heads=2, head_dim=8, lm_head_multiplier=0.25)
        return FalconH1ForCausalLM(config)
    if family == "layer before the output layer":
        return RobertaForCausalLM(RobertaConfig(**sizes, is_decoder=True))
    if family == "narrow output layer":
        return ElectraForCausalLM(ElectraConfig(**sizes, embedding_size=16, is_decoder=True))
    return ModernBertDecoderForCausalLM(ModernBertDecoderConfig(**sizes, cls_token_id=1, sep_token_id=2))


ODD = ["scaled", "layer before the output layer", "narrow output layer", "output layer called decoder"]


@pytest.mark.parametrize("family", ODD)
def test_where_the_head_does_not_agree_losses_and_states_are_the_models_own(settings, tmp_path, family):
    tokenizer = chatml_tokenizer()
    model = odd_model(family, vocabulary=len(tokenizer)).eval()
    model.save_pretrained(tmp_path / "odd")
    tokenizer.save_pretrained(tmp_path / "odd")
    spec = StudentSpec("odd", str(tmp_path / "odd"))
    # peft adapts no convolution of a state-space model, such as the one beside attention in Falcon-H1.
    config = settings(lora_target_modules=["q_proj", "v_proj"] if family == "scaled" else ["all-linear"])
    student = load_student(spec, config, torch.device("cpu"))
    assert student.head is None
    student.model.eval()
    paths = [Encoded(tuple(range(5, 5 + length)), 4, ()) for length in (20, 11)]
    found = student.run(collate(paths))
    for ce_N, hidden_TD, path in zip(found.ce, found.hidden, paths, strict=True):
        ids_BT = torch.tensor([path.ids])
        labels_BT = torch.where(torch.arange(len(path.ids)) < path.num_prompt, -100, ids_BT)
        own = model(input_ids=ids_BT, labels=labels_BT, output_hidden_states=True, use_cache=False)
        assert len(ce_N) == path.num_targets
        assert ce_N.mean().item() == pytest.approx(own.loss.item(), abs=1e-5)
        assert torch.allclose(hidden_TD, own.hidden_states[-1][0, path.num_prompt : -1], atol=1e-5)
    ce_N.mean().backward()
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in student.trainable().values())


def test_a_student_whose_head_does_not_agree_is_told_of_and_trains(settings, tmp_path, capsys):
    tokenizer = chatml_tokenizer()
    odd_model(ODD[-1], vocabulary=len(tokenizer)).save_pretrained(tmp_path / "odd")
    tokenizer.save_pretrained(tmp_path / "odd")
    config = settings(student=[f"odd={tmp_path / 'odd'}"], routing="none", quiet=False)
    train.run(config, Console())
    said = capsys.readouterr().err
    assert "warning: odd: " in said
    assert "whole logits" in said
    lines = read_rows(tmp_path / "run" / "metrics.jsonl")
    assert lines[-1]["loss"] < lines[0]["loss"]
