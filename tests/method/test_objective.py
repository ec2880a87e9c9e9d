"""Eq. 9 and its parts: hand-worked numbers, empty shares, gradients by the named route only."""

import pytest
import torch

from qrd.method import objective

ALPHA_KS = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
CE_SUM_KS = torch.tensor([[6.0, 99.0], [10.0, 4.0], [99.0, 99.0]])
NUM_TOKENS_KS = torch.tensor([[3.0, 5.0], [2.0, 8.0], [7.0, 7.0]])


def test_distill_loss_is_the_mean_over_target_tokens_of_the_selected_paths():
    loss_S = objective.distill_loss(ALPHA_KS, CE_SUM_KS, NUM_TOKENS_KS)
    assert loss_S.tolist() == pytest.approx([16 / 5, 4 / 8])


def test_the_gate_gradient_is_the_distance_to_the_students_average():
    alpha_KS = ALPHA_KS.clone().requires_grad_()
    objective.distill_loss(alpha_KS, CE_SUM_KS, NUM_TOKENS_KS)[0].backward()
    mean = 16 / 5
    expected = [(6 - mean * 3) / 5, (10 - mean * 2) / 5]
    assert alpha_KS.grad[:2, 0].tolist() == pytest.approx(expected)
    assert expected[0] < 0 < expected[1]


def test_pairs_that_were_not_selected_bear_no_gradient_whatever_their_loss():
    alpha_KS = ALPHA_KS.clone().requires_grad_()
    ce_sum_KS = torch.where(ALPHA_KS > 0, CE_SUM_KS, float("nan")).requires_grad_()
    loss_S = objective.distill_loss(alpha_KS, ce_sum_KS, NUM_TOKENS_KS)
    loss_S.sum().backward()
    assert loss_S.isfinite().all()
    assert ce_sum_KS.grad.isfinite().all()
    assert alpha_KS.grad[ALPHA_KS == 0].tolist() == [0.0] * 3
    assert ce_sum_KS.grad[ALPHA_KS == 0].tolist() == [0.0] * 3


@pytest.mark.parametrize("num_students", [1, 2, 3, 4])
@pytest.mark.parametrize("num_paths", [1, 3, 12])
def test_a_student_without_a_path_contributes_zero_and_no_nan(num_students, num_paths):
    alpha_KS = torch.ones(num_paths, num_students)
    alpha_KS[:, 0] = 0.0
    alpha_KS.requires_grad_()
    ce_sum_KS = torch.rand(num_paths, num_students) * 30
    loss_S = objective.distill_loss(alpha_KS, ce_sum_KS, torch.full((num_paths, num_students), 9.0))
    loss_S.sum().backward()
    assert loss_S[0].item() == 0.0
    assert alpha_KS.grad[:, 0].abs().max() == 0
    assert loss_S.isfinite().all()
    assert alpha_KS.grad.isfinite().all()
    expected_S = ce_sum_KS[:, 1:].double().sum(dim=0) / (9 * num_paths)
    assert loss_S[1:].tolist() == pytest.approx(expected_S.tolist(), rel=1e-5)


def test_shares_of_micro_batches_add_up_to_the_distill_loss_of_the_window():
    window_tokens_S = (ALPHA_KS * NUM_TOKENS_KS).sum(dim=0)
    run_KS = ALPHA_KS * CE_SUM_KS
    shares = [objective.distill_share(run_KS[[k]], window_tokens_S) for k in range(3)]
    whole = objective.distill_loss(ALPHA_KS, CE_SUM_KS, NUM_TOKENS_KS).sum()
    assert sum(shares).item() == pytest.approx(whole.item())


def test_shares_of_an_empty_window_are_zero():
    assert objective.distill_share(torch.zeros(2, 2), torch.zeros(2)).item() == 0.0


def test_co_routed_paths_are_those_of_two_students_or_more():
    selected_KS = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 1, 1]]).bool()
    assert objective.co_routed(selected_KS).tolist() == [False, True, False, True]


def test_the_objective_subtracts_the_entropy():
    total = objective.total_loss(
        torch.tensor([2.0, 3.0]),
        entropy=torch.tensor(0.5),
        mutual=torch.tensor(4.0),
        lambda_entropy=0.01,
        lambda_mutual=0.1,
    )
    assert total.item() == pytest.approx(5 - 0.005 + 0.4)
