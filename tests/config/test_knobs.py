"""A knob takes what it says it takes, and names itself where it is given something else."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import pytest

from qrd import config as configurations
from qrd.config import Streaming, knobs
from qrd.config.knobs import knob
from qrd.errors import ConfigError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example:
    """A configuration with one knob of each sort."""

    number: int = knob(3, "n", low=1, high=9)
    rate: float = knob(0.5, "r", above=0)
    name: str | None = knob(None, "s", required=True)
    mode: str = knob("a", "m", choices=("a", "b"))
    on: bool = knob(False, "o")
    words: tuple[str, ...] = knob(("x",), "w", comma=True)
    rates: tuple[float, ...] = knob((), "rs", low=0)


def built(**values: Any) -> Example:
    return knobs.build(Example, values)


def test_what_is_not_given_has_its_default() -> None:
    assert built() == Example()


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"rate": 2}, "rate", 2.0),
        ({"rate": "2e-4"}, "rate", 2e-4),
        ({"words": "a, b,,c"}, "words", ("a", "b", "c")),
        ({"words": ["a", "b"]}, "words", ("a", "b")),
        ({"words": ""}, "words", ()),
        ({"rates": "0.5"}, "rates", (0.5,)),
        ({"rates": 3}, "rates", (3.0,)),
        ({"rates": ["1", 2]}, "rates", (1.0, 2.0)),
        ({"number": None}, "number", 3),
        ({"name": None}, "name", None),
        ({"number": 1}, "number", 1),
        ({"number": 9}, "number", 9),
    ],
)
def test_values_are_taken_in_the_form_that_flags_files_and_code_give_them(
    given: dict[str, Any], field: str, value: Any
) -> None:
    found = getattr(built(**given), field)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"number": 0}, "--number: 0 is out of range, it must be at least 1"),
        ({"number": 10}, "--number: 10 is out of range, it must be at most 9"),
        ({"number": 2.5}, "--number: found 2.5, expected int"),
        ({"number": True}, "--number: found True, expected int"),
        ({"number": "5"}, "--number: found '5', expected int"),
        ({"rate": 0}, "--rate: 0.0 is out of range, it must be more than 0"),
        ({"rate": "fast"}, "--rate: found 'fast', expected a number"),
        ({"rate": "nan"}, "--rate: found 'nan', expected a number"),
        ({"rate": float("inf")}, "--rate: found inf, expected a number"),
        ({"rate": True}, "--rate: found True, expected a number"),
        ({"mode": "c"}, "--mode: 'c' is not one of a, b"),
        ({"on": "yes"}, "--on: found 'yes', expected bool"),
        ({"on": 1}, "--on: found 1, expected bool"),
        ({"rates": [1, -1]}, "--rates: -1.0 is out of range, it must be at least 0"),
        ({"words": [1]}, "--words: found 1, expected str"),
        ({"tempo": 1, "pace": 2}, "--pace, --tempo: no option is called so"),
    ],
)
def test_a_value_that_is_not_taken_is_named_with_what_is(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        built(**given)
    assert str(caught.value) == message


def test_required_knobs_without_a_value_are_listed() -> None:
    assert knobs.missing(built()) == ["name"]
    assert knobs.missing(built(name="n")) == []


def test_a_configuration_written_as_plain_values_builds_the_same_again() -> None:
    config = built(name="n", words="a,b", rates=[1, 2])
    plain = knobs.plain(config)
    assert plain["words"] == ["a", "b"]
    assert knobs.build(Example, plain) == config
    assert "name" not in knobs.plain(built())


def commands() -> list[type[Any]]:
    found = inspect.getmembers(configurations, dataclasses.is_dataclass)
    return [kind for name, kind in found if kind.__module__.startswith(configurations.__name__)]


@pytest.mark.parametrize("kind", commands(), ids=lambda kind: kind.__name__)
def test_every_default_of_a_command_is_a_value_that_its_knob_takes(kind: type[Any]) -> None:
    config = kind()
    given = {field.name: getattr(config, field.name) for field in dataclasses.fields(kind)}
    assert knobs.build(kind, given) == config
    assert all(field.metadata["help"].endswith(".") for field in dataclasses.fields(kind))


@pytest.mark.parametrize("shard", ["", "3", "0/3", "4/3", "a/b", "1/0", "-1/2", "1/2/3", "1/²", " 1/2"])
def test_a_shard_that_is_none_is_refused(shard: str) -> None:
    with pytest.raises(ConfigError, match="--shard: "):
        knobs.build(Streaming, {"shard": shard})


def test_a_shard_counts_from_one() -> None:
    assert knobs.build(Streaming, {"shard": "2/8"}).shard_parts() == (2, 8)
    assert Streaming().shard_parts() == (1, 1)


def test_an_option_is_spelt_with_hyphens() -> None:
    assert knobs.flag_of("num_train_epochs") == "--num-train-epochs"


@pytest.mark.parametrize("annotation", [float, float | None, tuple[float, ...]])
def test_the_type_of_one_value_is_found(annotation: Any) -> None:
    assert knobs.item_type(annotation) is float
