"""Questions of reasoning-gym are its own, in records that any JSON reader takes."""

from __future__ import annotations

import datetime
import json

import pytest

from qrd.errors import ConfigError
from qrd.published.row import Published
from qrd.published.ways.gym import json_safe


@pytest.fixture(scope="module")
def reasoning_gym():
    return pytest.importorskip("reasoning_gym")


def test_a_task_gives_the_questions_that_the_package_gives(imported, reasoning_gym) -> None:
    rows = imported("reasoning-gym:chain_sum", count=5, seed=1, gym_options='{"min_terms": 2, "max_terms": 2}')
    made = reasoning_gym.create_dataset("chain_sum", size=5, seed=1, min_terms=2, max_terms=2)
    assert [(row["question"], row["answer"]) for row in rows] == [(e["question"], e["answer"]) for e in made]
    assert {row["task"] for row in rows} == {"math"}
    assert rows[0]["meta"]["difficulty"]["num_terms"] == [2, 2]
    assert [row["id"] for row in rows] == [f"chain_sum_s1-train-0000{number}" for number in range(5)]


def test_two_seeds_give_no_id_in_common(imported, reasoning_gym) -> None:
    ids = [{row["id"] for row in imported("reasoning-gym:gcd", count=3, seed=seed)} for seed in (1, 2)]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize("task", ["syllogism", "knights_knaves", "graph_color", "rubiks_cube", "game_of_life"])
def test_answers_that_are_no_numbers_are_texts_and_their_details_json(imported, reasoning_gym, task: str) -> None:
    rows = imported(f"reasoning-gym:{task}", count=2)
    assert {row["task"] for row in rows} == {"text"}
    assert rows[0]["meta"]["metadata"]["source_dataset"] == task


def test_a_task_without_one_answer_has_none(imported, reasoning_gym) -> None:
    assert imported("reasoning-gym:graph_color", count=1)[0]["answer"] is None


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("reasoning-gym:chainsum", {}, "has no such task; did you mean chain_sum"),
        ("reasoning-gym:", {}, "has no such task"),
        ("reasoning-gym:gcd", {"gym_options": "{"}, "--gym-options: not JSON"),
        ("reasoning-gym:gcd", {"gym_options": "[1]"}, "--gym-options: found list, expected a JSON object"),
        ("reasoning-gym:gcd", {"gym_options": '{"min_number": 3}'}, "has no option 'min_number'; did you mean"),
        ("reasoning-gym:gcd", {"gym_options": '{"seed": 3}'}, "--gym-options: seed is said by --seed"),
        ("reasoning-gym:chain_sum", {"gym_options": '{"min_terms": -1}'}, "--gym-options: chain_sum refuses them"),
    ],
)
def test_what_the_package_does_not_know_is_named(imported, reasoning_gym, name, options, message) -> None:
    with pytest.raises(ConfigError) as caught:
        imported(name, **options)
    assert message in str(caught.value)


def test_a_missing_package_is_named_with_its_command(imported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "reasoning_gym", None)
    with pytest.raises(ConfigError, match=r"needs reasoning-gym \(.*\): pip install 'qrd\[gym\]'"):
        imported("reasoning-gym:gcd")


def test_values_that_json_cannot_say_become_texts() -> None:
    numpy = pytest.importorskip("numpy")
    value = {
        1: (1, {2, 1}), "a": numpy.array([[1.5]]), "b": numpy.int64(7), "c": numpy.str_("x"), "d": float("nan"),
        "e": 2**70, "f": datetime.date(2020, 1, 2), "g": None, "h": numpy.bool_(True),
    }  # fmt: skip
    safe = json_safe(value)
    assert json.loads(json.dumps(safe, allow_nan=False)) == safe
    assert safe == {
        "1": [1, [1, 2]], "a": [[1.5]], "b": 7, "c": "x", "d": "nan", "e": str(2**70), "f": "2020-01-02", "g": None,
        "h": True,
    }  # fmt: skip


def test_an_error_of_a_row_names_its_place() -> None:
    row = Published({"a": {"b": "x" * 100}}, "f.json", place="[3]")
    assert str(row.problem("a.b", "less")) == f"f.json:[3].a.b: found '{'x' * 56}..., expected less"
