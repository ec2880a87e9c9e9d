"""Words as the time axis that students with different tokenizers share (departure 6).

Everything is counted in characters of the response, so multi-byte text needs no special case: the byte tokens
of one character all bear that character's span.
"""

import re
from collections.abc import Sequence

import torch
from torch import Tensor

Span = tuple[int, int]
Pair = tuple[int, int]  # (token, word)

# A run without spaces is cut after this many characters, so that a script without spaces has words too.
LONGEST_WORD = 16
_WORD = re.compile(rf"\S{{1,{LONGEST_WORD}}}")


def split_words(text: str) -> list[Span]:
    """Character spans of the words of a text: runs without white space, at most 16 characters long.

    Example: ``split_words("so  2+2")`` is ``[(0, 2), (4, 7)]``.
    """
    return [match.span() for match in _WORD.finditer(text)]


def align(tokens: Sequence[Span], words: Sequence[Span]) -> list[Pair]:
    """Pairs (token, word) whose character spans overlap, in order of tokens.

    A token of white space alone overlaps no word; a token over the border of two words overlaps both.
    Both lists must be sorted by their start, and words must not overlap.

    Example: tokens ``[(0, 2), (2, 5), (5, 7)]`` and words ``[(0, 3), (4, 7)]`` give
    ``[(0, 0), (1, 0), (1, 1), (2, 1)]``.
    """
    pairs = []
    first = 0
    for token, (start, end) in enumerate(tokens):
        while first < len(words) and words[first][1] <= start:
            first += 1
        word = first
        while word < len(words) and words[word][0] < end:
            if end > start:
                pairs.append((token, word))
            word += 1
    return pairs


def shared_words(versions: Sequence[Sequence[Pair]]) -> list[list[Pair]]:
    """The pairs of each version whose word has tokens in all versions, these words numbered anew from 0.

    Example: ``[[(0, 0), (1, 2)], [(0, 1), (1, 2)]]`` gives ``[[(1, 0)], [(1, 0)]]``: only word 2 is in both.
    """
    common = set.intersection(*({word for _, word in pairs} for pairs in versions))
    place = {word: number for number, word in enumerate(sorted(common))}
    return [[(token, place[word]) for token, word in pairs if word in place] for pairs in versions]


def average_tokens(hidden_TD: Tensor, pairs: Sequence[Pair], num_words: int) -> tuple[Tensor, Tensor]:
    """Mean hidden state of each word's tokens, and which words have any.

    Shapes: hidden_TD of the response's tokens -> (words_WD float32, covered_W bool on the CPU); the row of a word
    without tokens is 0.
    """
    # All that is counted is counted here, so that the host need not wait for the device.
    token_P, word_P = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).unbind(1)
    count_W = torch.bincount(word_P, minlength=num_words)
    covered_W, device = count_W > 0, hidden_TD.device
    token_P, word_P, count_W = (each.to(device, non_blocking=True) for each in (token_P, word_P, count_W.clamp(min=1)))
    sum_WD = hidden_TD.new_zeros(num_words, hidden_TD.shape[-1], dtype=torch.float32).index_add(
        0, word_P, hidden_TD[token_P].float()
    )
    return sum_WD / count_W.unsqueeze(-1), covered_W
