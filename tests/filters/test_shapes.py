"""Lines that look alike are read at once, and no other line is."""

import json

import pytest
from path_rows import path_row

from qrd.errors import DataError
from qrd.filters.shapes import Shapes


def line(**fields):
    return json.dumps(path_row(**fields), separators=(",", ":")).encode() + b"\n"


def test_lines_like_the_first_are_read_by_its_shape():
    shapes = Shapes()
    for number in range(10):
        assert shapes.read(line(path_id=f"p{number}", note="n")).path_id == f"p{number}"
    assert shapes.num_plain == 9


@pytest.mark.parametrize("told", [{}, {"reason": None, "raw": "v"}, {"reason": "r", "raw": "v", "score": 7}])
def test_verdicts_of_every_rubric_are_read_by_a_shape(told):
    shapes, verdict = Shapes(), {"judge": "j", "verdict": "valid"} | told
    for _ in range(10):
        shapes.read(line(verdicts=[verdict], verdict="valid"))
    assert shapes.num_plain == 9


@pytest.mark.parametrize("name", ['say "so"', "back\\slash", "new\nline", "\x1b[2J"])
def test_a_field_whose_name_no_class_can_have_travels_along(name):
    shapes = Shapes()
    for number in range(10):
        assert shapes.read(line(path_id=f"p{number}", **{name: number})).path_id == f"p{number}"
    assert shapes.read(line()) is not None


def test_a_field_that_comes_and_goes_does_not_leave_the_shape():
    shapes = Shapes()
    shapes.read(line(judge_hash="a"))
    shapes.read(line(judge_hash="a", judge_usage={"cost_usd": 0.1}))
    before = shapes.num_plain
    for number in range(10):
        extra = {"judge_usage": {"cost_usd": 0.1}} if number % 2 else {}
        shapes.read(line(judge_hash="b", **extra))
    assert shapes.num_plain == before + 10


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"id":', b'"id":"twice","id":'),
        (b'"note":{"a":1', b'"note":{"a":0,"a":1'),
        (b'"task":"math"', b'"task":"maths"'),
        (b'"task":"math"', b'"task":"choice"'),
        (b"}\n", b"}]\n"),
        (b'"style":', b'"style":5,"s":'),
    ],
)
def test_what_is_bad_alone_is_bad_behind_good_lines(before, after):
    shapes, good = Shapes(), line(note={"a": 1})
    shapes.read(good)
    assert before in good
    with pytest.raises(DataError):
        shapes.read(good.replace(before, after, 1))
    assert shapes.read(good)


def test_lines_that_keep_differing_are_read_the_slow_way():
    shapes = Shapes()
    for number in range(200):
        assert shapes.read(line(**{f"field{number}": 1})).id
    assert shapes._decode is None
