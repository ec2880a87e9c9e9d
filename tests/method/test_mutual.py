"""Eq. 5-8 against a float64 reference, the routes of their gradients, and no collapse."""

import copy
import math

import pytest
import torch

from qrd.method import mutual


def reference(states_SWD, projections_SED, weight_SE, ce_mean_S):
    """Eq. 5-8 and the competence loss in float64, one sum at a time."""
    shared = []
    for words_WD, matrix_ED in zip(states_SWD, projections_SED, strict=True):
        raw_WE = words_WD.double() @ matrix_ED.double().T
        centred_WE = raw_WE - raw_WE.mean(dim=1, keepdim=True)
        shared.append(centred_WE / (centred_WE.square().mean(dim=1, keepdim=True) + 1e-5).sqrt())
    scores = [float((z.mean(dim=0) * w.double()).sum()) for z, w in zip(shared, weight_SE, strict=True)]
    total = sum(math.exp(score) for score in scores)
    gammas = [math.exp(score) / total for score in scores]
    target_WE = sum(gamma * z for gamma, z in zip(gammas, shared, strict=True))
    peer = sum(float(((z - target_WE) ** 2).mean()) for z in shared)
    goods = [math.exp(-ce) for ce in ce_mean_S]
    shares = [good / sum(goods) for good in goods]
    divergence = sum(p * math.log(p / gamma) for p, gamma in zip(shares, gammas, strict=True))
    return gammas, peer, divergence


@pytest.mark.parametrize("num_students", [2, 3, 4])
@pytest.mark.parametrize("num_words", [1, 7])
def test_mutual_terms_equal_a_float64_reference(num_students, num_words):
    torch.manual_seed(num_students)
    widths = [6 + 2 * s for s in range(num_students)]
    projections = [mutual.Projection(width, 5) for width in widths]
    states = [torch.randn(num_words, width) for width in widths]
    weight_SD, ce_mean_S = torch.randn(num_students, 5), torch.rand(num_students) * 3
    gammas, peer, divergence = reference(
        states, [p.linear.weight.detach() for p in projections], weight_SD, ce_mean_S.tolist()
    )
    shared_SWD = torch.stack([mutual.project(p, z) for p, z in zip(projections, states, strict=True)])
    gamma_S = mutual.competence(shared_SWD, weight_SD)
    assert gamma_S.tolist() == pytest.approx(gammas, abs=1e-5)
    loss = mutual.peer_loss(shared_SWD, mutual.ensemble(shared_SWD, gamma_S))
    assert loss.item() == pytest.approx(peer, abs=1e-5)
    found = mutual.competence_loss(shared_SWD, weight_SD, ce_mean_S)
    assert found.item() == pytest.approx(divergence, abs=1e-5)


def test_the_ensemble_of_two_is_worked_by_hand():
    shared_SWD = torch.tensor([[[1.0, -1.0]], [[-1.0, 1.0]]])
    weight_SD = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])
    gamma_S = mutual.competence(shared_SWD, weight_SD)
    assert gamma_S.tolist() == pytest.approx([0.75, 0.25])
    target_WD = mutual.ensemble(shared_SWD, gamma_S)
    assert target_WD[0].tolist() == pytest.approx([0.5, -0.5])
    assert mutual.peer_loss(shared_SWD, target_WD).item() == pytest.approx(0.25 + 2.25)


def test_identical_students_teach_each_other_nothing():
    torch.manual_seed(0)
    projection, states_WD = mutual.Projection(6, 4), torch.randn(5, 6)
    shared_SWD = torch.stack([mutual.project(projection, states_WD)] * 3)
    target_WD = mutual.ensemble(shared_SWD, mutual.competence(shared_SWD, torch.randn(3, 4)))
    assert mutual.peer_loss(shared_SWD, target_WD).item() == pytest.approx(0.0, abs=1e-10)


def tiny_pair():
    torch.manual_seed(1)
    states = [torch.randn(5, 6, requires_grad=True), torch.randn(5, 9, requires_grad=True)]
    projections = [mutual.Projection(6, 4), mutual.Projection(9, 4)]
    shared_SWD = torch.stack([mutual.project(p, z) for p, z in zip(projections, states, strict=True)])
    return states, projections, shared_SWD, mutual.Competence(2, 4)


def test_the_peer_loss_reaches_students_and_projections_but_not_competence():
    states, projections, shared_SWD, scorer = tiny_pair()
    gamma_S = mutual.competence(shared_SWD, scorer.weight_SD)
    mutual.peer_loss(shared_SWD, mutual.ensemble(shared_SWD, gamma_S)).backward()
    assert all(z.grad.abs().max() > 0 for z in states)
    assert all(p.linear.weight.grad.abs().max() > 0 for p in projections)
    assert scorer.weight_SD.grad is None


def test_the_competence_loss_reaches_competence_and_nothing_else():
    states, projections, shared_SWD, scorer = tiny_pair()
    ce_mean_S = torch.tensor([0.5, 2.0], requires_grad=True)
    mutual.competence_loss(shared_SWD, scorer.weight_SD, ce_mean_S).backward()
    assert scorer.weight_SD.grad.abs().max() > 0
    assert all(z.grad is None for z in states)
    assert ce_mean_S.grad is None
    assert all(p.linear.weight.grad is None for p in projections)


def test_the_target_bears_no_gradient():
    _, _, shared_SWD, scorer = tiny_pair()
    assert not mutual.ensemble(shared_SWD, mutual.competence(shared_SWD, scorer.weight_SD)).requires_grad


def test_competence_learns_to_trust_the_student_that_does_well():
    _, _, shared_SWD, scorer = tiny_pair()
    optimizer = torch.optim.AdamW(scorer.parameters(), lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        mutual.competence_loss(shared_SWD, scorer.weight_SD, torch.tensor([0.0, math.log(4.0)])).backward()
        optimizer.step()
    assert mutual.competence(shared_SWD, scorer.weight_SD).tolist() == pytest.approx([0.8, 0.2], abs=0.02)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mutual_terms_are_float32_for_half_precision_students_and_under_autocast(dtype):
    projection = mutual.Projection(6, 4)
    words_WD = torch.randn(5, 6).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        shared_WD = mutual.project(projection, words_WD)
    assert shared_WD.dtype == torch.float32
    assert torch.equal(shared_WD, mutual.project(projection, words_WD.float()))


def test_spread_is_zero_when_all_words_look_alike():
    assert mutual.spread(torch.ones(2, 7, 4)).tolist() == [0.0, 0.0]
    two_words = torch.tensor([[[1.0, -1.0], [-1.0, 1.0]]])
    assert mutual.spread(two_words).tolist() == [1.0]


def test_peer_teaching_does_not_collapse_in_500_steps():
    torch.manual_seed(0)
    # States share a large common direction, as those of real models do; it is what a collapse would fall
    # onto.
    common = [3 * torch.randn(width) for width in (12, 20)]
    source = [torch.nn.Linear(8, width) for width in (12, 20)]
    projections = [mutual.Projection(12, 8), mutual.Projection(20, 8)]
    scorer = mutual.Competence(2, 8)
    modules = torch.nn.ModuleList([*source, *projections, scorer])
    optimizer = torch.optim.AdamW(modules.parameters(), lr=1e-3)
    texts_NWD = torch.randn(16, 10, 8)

    def share(words_WD):
        states = [torch.tanh(layer(words_WD)) + base for layer, base in zip(source, common, strict=True)]
        return torch.stack([mutual.project(p, z) for p, z in zip(projections, states, strict=True)])

    before_S = mutual.spread(share(texts_NWD[0]))
    for step in range(500):
        shared_SWD = share(texts_NWD[step % 16])
        gamma_S = mutual.competence(shared_SWD, scorer.weight_SD)
        loss = mutual.peer_loss(shared_SWD, mutual.ensemble(shared_SWD, gamma_S))
        loss = loss + mutual.competence_loss(shared_SWD, scorer.weight_SD, torch.tensor([1.0, 1.5]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after_S = mutual.spread(share(texts_NWD[0]))
    assert (after_S > 0.1 * before_S).all(), (before_S, after_S)


def test_copies_of_a_projection_give_the_same_words():
    projection = mutual.Projection(6, 4)
    words_WD = torch.randn(5, 6)
    assert torch.equal(mutual.project(projection, words_WD), mutual.project(copy.deepcopy(projection), words_WD))
