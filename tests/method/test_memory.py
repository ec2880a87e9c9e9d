"""The students' losses on each path so far: running means, standardised, and a router that reads them."""

import pytest
import torch

from qrd.method import memory, objective, router


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_the_running_mean_starts_at_the_first_loss_and_halves_the_distance():
    seen = memory.LossMemory(3, 2)
    rows_K, selected_KS = torch.tensor([2, 0]), torch.tensor([[True, False], [True, True]])
    seen.note(rows_K, torch.tensor([[4.0, 9.0], [1.0, 2.0]]), selected_KS)
    assert seen.mean_JS.tolist() == [[1, 2], [0, 0], [4, 0]]
    seen.note(rows_K, torch.tensor([[2.0, 9.0], [9.0, 9.0]]), torch.tensor([[True, False], [False, False]]))
    assert seen.mean_JS.tolist() == [[1, 2], [0, 0], [3, 0]]
    assert seen.seen_JS.tolist() == [[True, True], [False, False], [True, False]]


def test_losses_are_standardised_over_the_paths_seen_and_unseen_ones_stand_at_the_mean():
    mean_JS = torch.tensor([[1.0, 5.0], [0.0, 5.0], [3.0, 0.0]])
    seen_JS = torch.tensor([[True, True], [False, True], [True, False]])
    state_KS = memory.standardise_losses(mean_JS, seen_JS, torch.tensor([2, 1, 0]))
    assert state_KS.tolist() == [[1, 0], [0, 0], [-1, 0]]


def test_states_are_finite_before_anything_was_seen():
    empty = memory.LossMemory(4, 3)
    assert memory.standardise_losses(empty.mean_JS, empty.seen_JS, torch.arange(4)).tolist() == [[0.0] * 3] * 4


def agreement(seed, routing, *, sees_state):
    """Share of gates that match the plan where embeddings are noise and only losses tell two kinds of paths apart."""
    generator = seeded(seed)
    torch.manual_seed(seed)
    planned_KS = torch.nn.functional.one_hot(torch.arange(64) % 2, 2).float()
    embedding_KD = torch.zeros(64, 4)
    past = memory.LossMemory(64, 2)
    gate = router.Router(4, 32, 2, sees_state=sees_state)
    optimizer = torch.optim.AdamW(gate.parameters(), lr=3e-3)

    def logits(rows_K):
        state_KS = memory.standardise_losses(past.mean_JS, past.seen_JS, rows_K) if sees_state else None
        return gate(embedding_KD[rows_K], state_KS)

    for _ in range(250):
        rows_K = torch.randperm(64, generator=generator)[:16]
        noise_KS = router.draw_noise(16, 2, routing=routing, generator=generator)
        logits_KS = logits(rows_K)
        alpha_KS = router.draw_gates(logits_KS, noise_KS, routing=routing, temperature=1.0)
        ce_KS = 2.0 - planned_KS[rows_K] + 0.1 * torch.randn(16, 2, generator=generator)
        loss_S = objective.distill_loss(alpha_KS, ce_KS, torch.ones(16, 2))
        entropy = router.load_entropy(router.probabilities(logits_KS, routing), routing=routing, balance="per-student")
        optimizer.zero_grad()
        (loss_S.sum() - 0.01 * entropy).backward()
        optimizer.step()
        past.note(rows_K, ce_KS, alpha_KS.detach() > 0.5)
    return (router.choose_gates(logits(torch.arange(64)), routing) == planned_KS).float().mean().item()


@pytest.mark.parametrize("routing", ["independent", "exclusive"])
def test_a_router_that_sees_losses_learns_a_split_that_the_paths_do_not_show(routing):
    assert min(agreement(seed, routing, sees_state=True) for seed in range(3)) >= 0.85
    assert max(agreement(seed, routing, sees_state=False) for seed in range(3)) <= 0.6


def test_the_gain_is_the_fall_from_the_running_mean_and_first_runs_teach_nothing():
    alpha_KS = torch.tensor([[1.0], [1.0], [1.0], [0.0]], requires_grad=True)
    ce_sum_KS, num_tokens_KS = torch.tensor([[6.0], [4.0], [99.0], [0.0]]), torch.tensor([[3.0], [1.0], [5.0], [2.0]])
    before_KS, seen_KS = torch.tensor([[4.0], [4.0], [0.0], [7.0]]), torch.tensor([[True], [True], [False], [True]])
    [loss] = objective.gain_loss(alpha_KS, ce_sum_KS, num_tokens_KS, before_KS=before_KS, seen_KS=seen_KS)
    assert loss.item() == pytest.approx(-1.5)  # falls of 2 on 3 tokens and of 0 on 1
    loss.backward()
    assert alpha_KS.grad.flatten().tolist() == pytest.approx([3 * (-2 + 1.5) / 4, 1 * (0 + 1.5) / 4, 0, 0])


def choices_where_the_hard_paths_are_those_that_improve(route_by):
    """Share of students sent to the paths that they learn, after 250 windows; those start far harder."""
    generator = seeded(0)
    torch.manual_seed(0)
    kind_K = torch.arange(64) % 2
    planned_KS = torch.nn.functional.one_hot(kind_K, 2).float()
    embedding_KD = torch.nn.functional.one_hot(kind_K, 8).float()
    now_KS, past, gate = 1.0 + 20.0 * planned_KS, memory.LossMemory(64, 2), router.Router(8, 32, 2)
    optimizer = torch.optim.AdamW(gate.parameters(), lr=3e-3)
    for _ in range(250):
        rows_K = torch.randperm(64, generator=generator)[:16]
        noise_KS = router.draw_noise(16, 2, routing="exclusive", generator=generator)
        alpha_KS = router.draw_gates(gate(embedding_KD[rows_K]), noise_KS, routing="exclusive", temperature=1.0)
        selected_KS, ones_KS = alpha_KS.detach() > 0.5, torch.ones(16, 2)
        loss_S = objective.distill_loss(alpha_KS, now_KS[rows_K], ones_KS)
        if route_by == "gain":
            seen = {"before_KS": past.mean_JS[rows_K], "seen_KS": past.seen_JS[rows_K]}
            loss_S = objective.gain_loss(alpha_KS, now_KS[rows_K], ones_KS, **seen)
        optimizer.zero_grad()
        loss_S.sum().backward()
        optimizer.step()
        past.note(rows_K, now_KS[rows_K], selected_KS)
        now_KS[rows_K] -= 0.2 * planned_KS[rows_K] * selected_KS
    return (router.choose_gates(gate(embedding_KD), "exclusive") == planned_KS).float().mean().item()


def test_gain_sends_a_student_what_it_learns_and_loss_what_it_can_do():
    assert choices_where_the_hard_paths_are_those_that_improve("gain") == 1.0
    assert choices_where_the_hard_paths_are_those_that_improve("loss") == 0.0
