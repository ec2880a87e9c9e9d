"""Agreement of judges against figures worked by hand."""

from __future__ import annotations

import random

import pytest

from qrd.evaluation.agreement import Agreement, family, likeness


def alpha_of(*paths: str) -> float | None:
    agreement = Agreement()
    for path in paths:
        agreement.add({"v": "valid", "i": "invalid", "?": "unscored"}[letter] for letter in path)
    return agreement.alpha()


def by_pairs(paths: list[str]) -> float:
    """The definition: 1 - observed / expected disagreement, over all pairs of values."""
    known = [[letter for letter in path if letter != "?"] for path in paths]
    known = [path for path in known if len(path) > 1]
    values = [letter for path in known for letter in path]
    pairs = ((a != b) / (len(path) - 1) for path in known for i, a in enumerate(path) for b in path[:i] + path[i + 1 :])
    observed = sum(pairs) / len(values)
    others = [(a, b) for i, a in enumerate(values) for b in values[:i] + values[i + 1 :]]
    expected = sum(a != b for a, b in others) / len(others)
    return 1 - observed / expected


def test_the_example_worked_by_hand() -> None:
    assert alpha_of(*["vv"] * 7, "ii", "vi", "iv") == pytest.approx(1 - 19 * 2 / 64)


def test_a_published_figure() -> None:
    # Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section A: 0.095.
    first, second = "0100000000", "1110010100"
    paths = [a + b for a, b in zip(first, second)]
    assert alpha_of(*(path.replace("0", "v").replace("1", "i") for path in paths)) == pytest.approx(0.095, abs=5e-4)


def test_any_panel_gives_what_the_definition_gives() -> None:
    chance = random.Random(3)
    for _ in range(50):
        paths = ["".join(chance.choice("vvi?") for _ in range(chance.randint(1, 5))) for _ in range(12)] + ["vi"]
        assert alpha_of(*paths) == pytest.approx(by_pairs(paths))


def test_agreement_that_shows_nothing_has_no_figure() -> None:
    assert alpha_of() is None
    assert alpha_of("vv", "vv") is None
    assert alpha_of("v", "i", "v?") is None
    assert alpha_of("vv", "ii") == 1


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("openai/gpt-4o-mini", "gpt"), ("openai/o3", "gpt"), ("gemini/gemini-1.5-pro", "gemini"),
        ("hf:mistralai/Mistral-7B-Instruct-v0.3", "mistral"), ("openrouter/anthropic/claude-3.5-sonnet", "claude"),
        ("embedded:smollm2-135m", "smollm"), ("hf:models/Qwen2.5-3B/", "qwen"), ("scripted:7.toml", "7.toml"),
    ],
)  # fmt: skip
def test_a_name_tells_a_family(model: str, name: str) -> None:
    assert family(model) == name


def test_a_judge_that_is_the_teacher_or_of_its_family_is_named() -> None:
    assert likeness("openai/gpt-4o", "openai/gpt-4o") == "the judge openai/gpt-4o is the teacher itself"
    assert "of the family of the teacher azure/gpt-4o-mini" in (likeness("openai/gpt-4o", "azure/gpt-4o-mini") or "")
    assert likeness("openai/gpt-4o", "gemini/gemini-1.5-pro") is None
