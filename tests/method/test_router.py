"""Eq. 1-4: gates, loads and entropy against numbers worked by hand, and a router that learns a planted
split."""

import math

import pytest
import torch

from qrd.config import TrainConfig
from qrd.method import objective, router

LOGITS_KS = torch.tensor([[2.0, -1.0], [0.5, 0.25], [-3.0, -2.0]])


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_probabilities_are_sigmoids_when_independent():
    expected = [[1 / (1 + math.exp(-x)) for x in row] for row in LOGITS_KS.tolist()]
    assert torch.allclose(router.probabilities(LOGITS_KS, "independent"), torch.tensor(expected))


def test_probabilities_are_a_softmax_when_exclusive():
    first = math.exp(2) / (math.exp(2) + math.exp(-1))
    probability_KS = router.probabilities(LOGITS_KS, "exclusive")
    assert probability_KS[0].tolist() == pytest.approx([first, 1 - first])
    assert torch.allclose(probability_KS.sum(dim=1), torch.ones(3))


def test_noise_moves_the_independent_gate_as_worked_by_hand():
    noise_KS = torch.tensor([[-3.0, 0.5], [0.0, -0.25], [3.5, 1.0]])
    logits_KS = LOGITS_KS.clone().requires_grad_()
    alpha_KS = router.draw_gates(logits_KS, noise_KS, routing="independent", temperature=0.5)
    assert alpha_KS.tolist() == [[0, 0], [1, 0], [1, 0]]
    alpha_KS[2, 0].backward()
    soft = 1 / (1 + math.exp(-1.0))  # (-3 + 3.5) / 0.5
    assert logits_KS.grad[2, 0].item() == pytest.approx(soft * (1 - soft) / 0.5)
    assert logits_KS.grad.count_nonzero() == 1


def test_noise_moves_the_exclusive_gate_as_worked_by_hand():
    noise_KS = torch.tensor([[-3.0, 0.5], [0.0, 0.5], [3.5, 1.0]])
    logits_KS = LOGITS_KS.clone().requires_grad_()
    alpha_KS = router.draw_gates(logits_KS, noise_KS, routing="exclusive", temperature=2.0)
    assert alpha_KS.tolist() == [[0, 1], [0, 1], [1, 0]]
    alpha_KS[0, 0].backward()
    soft = 1 / (1 + math.exp(-0.25))  # (-1 - -0.5) / 2 apart from the other student
    soft = 1 - soft if soft > 0.5 else soft
    assert logits_KS.grad[0].tolist() == pytest.approx([soft * (1 - soft) / 2, -soft * (1 - soft) / 2])


@pytest.mark.parametrize("routing", ["independent", "exclusive", "none"])
@pytest.mark.parametrize("num_students", [1, 2, 3, 4])
@pytest.mark.parametrize("num_paths", [1, 2, 5, 12])
def test_gates_are_exactly_zero_or_one_and_one_per_path_when_exclusive(routing, num_students, num_paths):
    logits_KS = torch.randn(num_paths, num_students, generator=seeded(3)) * 4
    noise_KS = router.draw_noise(num_paths, num_students, routing=routing, generator=seeded(4))
    for gates_KS in (
        router.draw_gates(logits_KS, noise_KS, routing=routing, temperature=0.7),
        router.choose_gates(logits_KS, routing),
    ):
        assert set(gates_KS.unique().tolist()) <= {0.0, 1.0}
        if routing == "exclusive":
            assert gates_KS.sum(dim=1).tolist() == [1.0] * num_paths
        if routing == "none":
            assert gates_KS.sum() == num_paths * num_students


@pytest.mark.parametrize("routing", ["independent", "exclusive"])
def test_gates_are_drawn_as_often_as_their_probability_says(routing):
    num_paths = 40_000
    logits_KS = torch.tensor([[1.0, -0.5, 0.2]]).expand(num_paths, 3)
    noise_KS = router.draw_noise(num_paths, 3, routing=routing, generator=seeded(5))
    drawn_S = router.draw_gates(logits_KS, noise_KS, routing=routing, temperature=1.0).mean(dim=0)
    assert torch.allclose(drawn_S, router.probabilities(logits_KS[0], routing), atol=0.01)


def test_the_same_generator_state_draws_the_same_gates():
    draws = [router.draw_noise(6, 2, routing="independent", generator=seeded(7)) for _ in range(2)]
    other = router.draw_noise(6, 2, routing="independent", generator=seeded(8))
    assert torch.equal(*draws)
    assert not torch.equal(draws[0], other)


def test_evaluation_routes_without_noise():
    assert router.choose_gates(LOGITS_KS, "independent").tolist() == [[1, 0], [1, 1], [0, 0]]
    assert router.choose_gates(LOGITS_KS, "exclusive").tolist() == [[1, 0], [1, 0], [0, 1]]


def test_temperature_follows_its_schedule():
    def at(progress, anneal):
        return router.temperature_at(progress, start=2.0, final=0.5, anneal=anneal)

    assert [at(p, "constant") for p in (0, 0.5, 1)] == [2.0, 2.0, 2.0]
    assert [at(p, "linear") for p in (0, 0.5, 1)] == [2.0, 1.25, 0.5]
    assert [at(p, "exponential") for p in (0, 0.5, 1)] == [2.0, 1.0, 0.5]


def entropy_in_float64(probabilities, routing, balance):
    """The same numbers from plain Python floats."""
    num_paths, num_students = len(probabilities), len(probabilities[0])
    loads = [sum(row[s] for row in probabilities) / num_paths for s in range(num_students)]

    def binary(p):
        return -(p * math.log(p) + (1 - p) * math.log(1 - p))

    if balance == "global":
        return binary(sum(loads) / num_students)
    if routing == "exclusive":
        return -sum(p * math.log(p) for p in loads) / math.log(num_students)
    return sum(binary(p) for p in loads) / num_students


@pytest.mark.parametrize("balance", ["per-student", "global"])
@pytest.mark.parametrize("routing", ["independent", "exclusive"])
@pytest.mark.parametrize("num_students", [2, 3, 4])
@pytest.mark.parametrize("num_paths", [1, 4, 12])
def test_entropy_equals_a_float64_reference(balance, routing, num_students, num_paths):
    logits_KS = torch.randn(num_paths, num_students, generator=seeded(11), dtype=torch.float64)
    probability_KS = router.probabilities(logits_KS, routing)
    found = router.load_entropy(probability_KS.float(), routing=routing, balance=balance)
    assert found.item() == pytest.approx(entropy_in_float64(probability_KS.tolist(), routing, balance), abs=1e-6)


def test_only_the_per_student_entropy_sees_one_student_take_all():
    takes_all_KS = torch.tensor([[0.999, 0.001]]).expand(4, 2)
    assert router.load_entropy(takes_all_KS, routing="independent", balance="global").item() == pytest.approx(
        math.log(2)
    )
    for routing in ("independent", "exclusive"):
        assert router.load_entropy(takes_all_KS, routing=routing, balance="per-student") < 0.02


def test_the_global_entropy_of_an_exclusive_routing_is_a_constant():
    logits_KS = torch.randn(5, 3, generator=seeded(1)).requires_grad_()
    probability_KS = router.probabilities(logits_KS, "exclusive")
    router.load_entropy(probability_KS, routing="exclusive", balance="global").backward()
    assert logits_KS.grad.abs().max() < 1e-7


@pytest.mark.parametrize("routing", ["independent", "exclusive"])
@pytest.mark.parametrize("balance", ["per-student", "global"])
def test_entropy_and_its_gradient_are_finite_at_the_edges(routing, balance):
    logits_KS = torch.tensor([[200.0, -200.0]]).expand(3, 2).clone().requires_grad_()
    entropy = router.load_entropy(router.probabilities(logits_KS, routing), routing=routing, balance=balance)
    entropy.backward()
    assert entropy.isfinite()
    assert logits_KS.grad.isfinite().all()


def test_the_exclusive_entropy_of_one_student_is_zero():
    entropy = router.load_entropy(torch.ones(4, 1), routing="exclusive", balance="per-student")
    assert entropy.item() == pytest.approx(0.0)


def test_standardised_embeddings_have_mean_zero_and_deviation_one():
    gate = router.Router(4, 8, 2)
    embedding_KD = torch.randn(50, 4, generator=seeded(2)) * torch.tensor([1.0, 9.0, 0.1, 0.0]) + 5
    gate.standardise_as(embedding_KD)
    standard_KD = (embedding_KD - gate.mean_D) / gate.scale_D
    assert torch.allclose(standard_KD.mean(dim=0), torch.zeros(4), atol=1e-4)
    assert torch.allclose(standard_KD.std(dim=0, unbiased=False), torch.tensor([1.0, 1, 1, 0]), atol=1e-4)


def agreement_with_planted_split(seed, routing, *, blind, rate=TrainConfig.router_learning_rate):
    """Share of (path, student) gates that match the plan after 300 windows of 16 paths.

    Half the paths suit student 0 and half student 1; the second student finds everything harder. `blind` cuts
    the gates' gradient, as code does that lets gates reach the loss as booleans.
    """
    generator = seeded(seed)
    torch.manual_seed(seed)
    kind_K = torch.arange(64) % 2
    embedding_KD = torch.randn(64, 8, generator=generator) + 3.0 * torch.nn.functional.one_hot(kind_K, 8)
    num_tokens_K = torch.randint(20, 60, (64, 1), generator=generator).float()
    planned_KS = torch.nn.functional.one_hot(kind_K, 2).float()
    ce_mean_KS = 1.5 - planned_KS + torch.tensor([0.0, 0.8]) + 0.1 * torch.randn(64, 2, generator=generator)
    gate = router.Router(8, 32, 2)
    gate.standardise_as(embedding_KD)
    optimizer = torch.optim.AdamW(gate.parameters(), lr=rate)
    for _ in range(300):
        window_K = torch.randperm(64, generator=generator)[:16]
        logits_KS = gate(embedding_KD[window_K])
        noise_KS = router.draw_noise(16, 2, routing=routing, generator=generator)
        alpha_KS = router.draw_gates(logits_KS, noise_KS, routing=routing, temperature=1.0)
        alpha_KS = alpha_KS.detach() if blind else alpha_KS
        num_tokens_KS = num_tokens_K[window_K].expand(16, 2)
        distill_S = objective.distill_loss(alpha_KS, ce_mean_KS[window_K] * num_tokens_KS, num_tokens_KS)
        probability_KS = router.probabilities(logits_KS, routing)
        entropy = router.load_entropy(probability_KS, routing=routing, balance="per-student")
        loss = objective.total_loss(
            distill_S, entropy=entropy, mutual=torch.zeros(()), lambda_entropy=0.01, lambda_mutual=0.0
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (router.choose_gates(gate(embedding_KD), routing) == planned_KS).float().mean().item()


@pytest.mark.parametrize("routing", ["independent", "exclusive"])
def test_the_router_learns_a_planted_split(routing):
    assert min(agreement_with_planted_split(seed, routing, blind=False) for seed in range(5)) >= 0.9


@pytest.mark.parametrize("routing", ["independent", "exclusive"])
def test_a_router_without_useful_gradient_does_not_learn_the_split(routing):
    assert max(agreement_with_planted_split(seed, routing, blind=True) for seed in range(5)) < 0.9
