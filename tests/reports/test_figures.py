"""Scales, lines and markup of figures, against values worked by hand."""

from collections import Counter

import pytest

from qrd.reports.drawing.axes import ends_of, ticks
from qrd.reports.drawing.charts import MAX_POINTS, Axis, grid, lines, thin
from qrd.reports.drawing.flow import flow
from qrd.reports.drawing.svg import element
from qrd.reports.html import island, policy


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ([1.07, 3.9], (1.0, 4.0)),
        ([0, 100], (0.0, 100.0)),
        ([5, 5], (2.0, 8.0)),
        ([], (0.0, 1.0)),
        ([-3, 8], (-5.0, 10.0)),
    ],
)
def test_an_axis_ends_at_round_numbers_around_its_values(values, ends):
    assert ends_of(values) == pytest.approx(ends)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0, 1, ["0", "0.25", "0.50", "0.75", "1.00"]),
        (0.6915, 0.6935, ["0.6915", "0.6920", "0.6925", "0.6930", "0.6935"]),
        (0, 40_000, ["0", "10,000", "20,000", "30,000", "40,000"]),
    ],
)
def test_ticks_have_as_many_decimals_as_they_need(low, high, words):
    assert [text for _, text in ticks(low, high)] == words


def test_whole_ticks_have_no_fractions():
    assert [text for _, text in ticks(1, 3, about=5, whole=True)] == ["1", "2", "3"]


def test_many_points_become_means_and_gaps_stay():
    points = [(step, None if step < 100 else float(step % 2)) for step in range(4 * MAX_POINTS)]
    found = thin(points)
    assert len(found) == MAX_POINTS
    assert found[0] == (1.5, None)
    assert found[-1][1] == 0.5


def test_a_missing_value_breaks_a_line():
    points = [(x, None if x == 20 else 1.0 + x) for x in range(40)]
    drawn = lines("s", "t", {"a": points}, x=Axis("step"), y=Axis("loss"))
    assert drawn.body.count("<polyline") == 2


def test_text_is_escaped_and_cleaned_in_elements_and_attributes():
    assert element("text", "a < b\x1b", class_='"x') == '<text class="&#34;x">a &lt; b\N{REPLACEMENT CHARACTER}</text>'


def test_bands_of_a_flow_carry_every_count():
    ways = Counter({("t", "cot", "kept"): 3, ("t", "tot", "kept"): 1, ("t", "tot", "cut"): 4})
    body = flow("flow", "Flow", ("teacher", "style", "outcome"), ways, good={"kept"}, note="").body
    for words in ("t → cot: 3", "t → tot: 5", "cot → kept: 3", "tot → cut: 4", "8 · 100 %", "4 · 50 %"):
        assert words in body


def test_an_island_holds_no_character_that_markup_knows():
    text = island([{"a": "</script><!-- & \u2028 \\u003c"}])
    assert not set("<>&\u2028") & set(text)
    assert text == '[{"a":"\\u003c/script\\u003e\\u003c!-- \\u0026 \\u2028 \\\\u003c"}]'


def test_the_policy_names_the_hash_of_the_very_script():
    assert "script-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='" in policy("x", "")
    assert policy("x", "y").startswith("default-src 'none'")


def test_a_cell_with_room_tells_of_how_many_its_share_is():
    two = grid("s", "Shares", ["cot"], ["right", "valid"], {("cot", "right"): (1, 4), ("cot", "valid"): (1, 1)})
    assert ">25 % of 4<" in two.inline()
    assert ">100 % of 1<" in two.inline()
    six = grid("s", "Shares", ["cot"], list("abcdef"), {("cot", "a"): (1, 4)})
    assert ">25 %<" in six.inline()


def test_a_long_name_in_a_flow_is_whole_where_there_is_room():
    name = "embedded:smollm2-135m-instruct"
    figure = flow("f", "Flow", ("teacher", "outcome"), Counter({(name, "kept"): 2}), good={"kept"}, note="")
    assert f">{name}<" in figure.inline()
