"""Batches, the cut by tokens, and the order of paths."""

from hypothesis import given
from hypothesis import strategies as st

from qrd.training.batches import Encoded, collate, cut, derive_seed, epoch_order


def test_a_batch_is_padded_to_its_longest_path_and_predicts_targets_only():
    batch = collate([Encoded((1, 8, 20, 2), 2, ((0, 1),)), Encoded((1, 9, 9, 30, 31, 2), 3, ((0, 1), (1, 2)))])
    assert batch.ids_BT.tolist() == [[1, 8, 20, 2, 0, 0], [1, 9, 9, 30, 31, 2]]
    assert batch.mask_BT.tolist() == [[1, 1, 1, 1, 0, 0], [1] * 6]
    assert batch.predict_N.tolist() == [1, 2, 8, 9, 10]
    assert batch.target_N.tolist() == [20, 2, 30, 31, 2]
    assert batch.sizes == (2, 3)


def test_a_cut_is_worked_by_hand():
    assert cut([5, 9, 0, 4], 10) == [[1], [0, 3]]
    assert cut([30, 5], 10) == [[0], [1]]
    assert cut([0, 0], 10) == []


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 200))
def test_a_cut_keeps_every_path_once_and_stays_in_its_budget(lengths, budget):
    pieces = cut(lengths, budget)
    assert sorted(i for piece in pieces for i in piece) == [i for i, length in enumerate(lengths) if length]
    assert all(len(piece) == 1 or len(piece) * max(lengths[i] for i in piece) <= budget for piece in pieces)


def test_the_order_of_an_epoch_is_a_function_of_seed_and_epoch():
    assert epoch_order(50, seed=1, epoch=0) == epoch_order(50, seed=1, epoch=0)
    orders = {tuple(epoch_order(50, seed=seed, epoch=epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9
    assert all(sorted(order) == list(range(50)) for order in orders)


def test_derived_seeds_differ_by_every_part():
    parts = [(0, "gates", 1), (0, "gates", 2), (1, "gates", 1), (0, "dropout", 1), (0, "dropout", 1, 0)]
    assert len({derive_seed(*each) for each in parts}) == len(parts)
