"""Alignment of tokens and words by characters, exact on every tokenizer and on multi-byte text."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qrd.method import words


def test_words_are_runs_without_white_space():
    assert words.split_words(" so  2+2\n= four") == [(1, 3), (5, 8), (9, 10), (11, 15)]


def test_a_script_without_spaces_still_has_several_words():
    spans = words.split_words("因" * 40)
    assert spans == [(0, 16), (16, 32), (32, 40)]


def test_pairs_are_those_worked_by_hand():
    tokens = [(0, 2), (2, 5), (5, 7), (7, 8), (8, 8), (8, 12)]
    assert words.align(tokens, [(0, 3), (4, 7), (9, 12)]) == [(0, 0), (1, 0), (1, 1), (2, 1), (5, 2)]


def test_byte_tokens_of_one_character_all_reach_its_word():
    # "a é" where é is two byte tokens that bear the same character span.
    assert words.align([(0, 1), (1, 2), (2, 3), (2, 3)], [(0, 1), (2, 3)]) == [(0, 0), (2, 1), (3, 1)]


def sorted_spans(ends):
    edges = sorted(ends)
    return list(itertools.pairwise(edges))


@given(st.text(max_size=60), st.lists(st.integers(0, 60), max_size=20))
def test_alignment_equals_the_definition_of_overlap(text, ends):
    tokens, spans = sorted_spans(ends), words.split_words(text)
    expected = [
        (t, w)
        for t, (start, end) in enumerate(tokens)
        for w, (first, last) in enumerate(spans)
        if max(start, first) < min(end, last)
    ]
    assert words.align(tokens, spans) == expected


def test_a_word_is_the_mean_of_its_tokens():
    hidden_TD = torch.tensor([[1.0, 10.0], [3.0, 20.0], [8.0, 60.0]])
    words_WD, covered_W = words.average_tokens(hidden_TD, [(0, 0), (1, 0), (1, 2), (2, 2)], 3)
    assert words_WD.tolist() == [[2.0, 15.0], [0.0, 0.0], [5.5, 40.0]]
    assert covered_W.tolist() == [True, False, True]


def test_only_words_that_all_versions_have_tokens_for_are_shared_and_they_are_numbered_anew():
    whole, gap = [(0, 0), (1, 0), (1, 1), (2, 2)], [(0, 0), (1, 2)]
    assert words.shared_words([whole, gap]) == [[(0, 0), (1, 0), (2, 1)], [(0, 0), (1, 1)]]
    assert words.shared_words([whole, []]) == [[], []]


def test_a_path_without_words_gives_no_rows():
    words_WD, covered_W = words.average_tokens(torch.randn(3, 4), [], 0)
    assert words_WD.shape == (0, 4)
    assert covered_W.shape == (0,)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_states_are_averaged_in_float32(dtype):
    hidden_TD = torch.full((300, 1), 0.1, dtype=dtype)
    words_WD, _ = words.average_tokens(hidden_TD, [(token, 0) for token in range(300)], 1)
    assert words_WD.dtype == torch.float32
    assert words_WD.item() == pytest.approx(hidden_TD[0].item(), rel=1e-5)
