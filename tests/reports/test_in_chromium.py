"""The page as a person meets it, in a real browser: nothing is loaded, filters work, hostile texts change nothing."""

import os
from pathlib import Path

import pytest
import world

from qrd.config import ReportConfig
from qrd.console import Console
from qrd.stages.report import run

PAYLOADS = (Path(__file__).parent / "payloads.txt").read_text("utf-8").splitlines()
INVISIBLE = " \u2028\u202e\u0000\u001b[31m\ufeff\U000e0001"  # line ends, direction overrides, control characters
SMALL = {"num_questions": 3, "num_tests": 3, "teachers": ("teacher/a",), "words": 8}


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """The report on a world of some size; it takes longer to make than to look at."""
    folder = tmp_path_factory.mktemp("usual")
    _, inputs = world.whole(folder / "world", num_questions=15)
    run(ReportConfig(input=tuple(inputs), output=str(folder / "report.html")), Console(quiet=True))
    return folder / "report.html"


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (820, "dark"), (1280, "light")])
def test_the_page_is_quiet_and_never_wider_than_the_screen(usual, look, width, scheme):
    sight = look(usual, width=width, scheme=scheme)
    sight.page.mouse.wheel(0, 50_000)
    assert sight.noise == []
    assert sight.page.evaluate("document.documentElement.scrollWidth") <= width
    assert sight.page.locator("figure svg").count() >= 10
    back = sight.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(14, 19, 24)") == (scheme == "dark")


def test_filters_work_by_click(usual, look):
    sight = look(usual)
    page, everything = sight.page, sight.status()
    page.locator("#filters label", has_text="cot").click()
    assert {badge.inner_text() for badge in page.locator(".path .badge.style").all()} == {"cot"}
    page.locator("#filters label", has_text="wrong answer").click()
    paths = page.locator(".path")
    assert paths.count() > 0
    assert all("wrong answer" in path.inner_text() and "cot" in path.inner_text() for path in paths.all())
    page.locator("#filters button").click()
    assert sight.status() == everything
    page.locator("#filters label", has_text="gained").click()
    shown = page.locator(".question")
    assert shown.count() > 0
    assert all("gained" in question.locator(".badges").first.inner_text() for question in shown.all())
    page.locator(".answer summary").first.click()
    assert page.locator(".answer[open] .reply").first.is_visible()
    assert sight.noise == []


def test_filters_and_pages_work_by_keyboard(usual, look):
    sight = look(usual)
    page, everything = sight.page, sight.status()
    page.keyboard.press("/")
    page.keyboard.type("train-7")
    page.locator("#status", has_text="1 of 35 questions").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    assert sight.status() == everything
    page.keyboard.press("n")
    assert page.locator("#pager span").inner_text().startswith("page 2 of")
    page.keyboard.press("p")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement === document.getElementById('questions').children[1]")
    page.locator("#filters input[type=checkbox]").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert {badge.inner_text() for badge in page.locator(".path .badge.style").all()} == {"cot"}
    assert sight.noise == []


def hostile(folder, report, mark):
    """The report on a world whose every text, file names included, bears the mark.

    All names end alike, so that those of judge and teacher are, or are not, of one family whatever the mark.
    """
    name = mark.replace("/", "").replace("\0", "")[:80]
    return report(world.whole(folder / f"w{name}", mark=f"{mark}/x", **SMALL)[1])


def is_unharmed(sight, plain):
    assert sight.noise == []
    assert sight.page.evaluate("window.hit") is None
    assert sight.skeleton() == plain
    sight.page.locator("#filters input").first.focus()
    sight.page.keyboard.press("Space")
    assert sight.page.locator(".path").count() > 0
    assert sight.noise == []


def test_fifty_payloads_in_every_field_change_nothing(tmp_path, report, look):
    assert len(set(PAYLOADS)) >= 50
    plain = look(hostile(tmp_path / "plain", report, "x")).skeleton()
    for number, payloads in enumerate((PAYLOADS, PAYLOADS[::-1])):
        sight = look(hostile(tmp_path / str(number), report, " ".join(payloads) + INVISIBLE))
        text = sight.page.locator("body").inner_text()
        assert "{{7*7}}" in text
        assert "<script>window.hit=1</script>" in text
        assert not any(sign in text for sign in "\u202e\u001b\0")
        is_unharmed(sight, plain)


@pytest.mark.skipif(not os.environ.get("QRD_SOAK"), reason="one page for each payload: make soak")
@pytest.mark.timeout(1200)
def test_each_payload_alone_changes_nothing(tmp_path, report, look):
    plain = look(hostile(tmp_path / "plain", report, "x")).skeleton()
    for number, payload in enumerate(PAYLOADS):
        is_unharmed(look(hostile(tmp_path / str(number), report, payload)), plain)


def test_five_thousand_paths_open_in_under_two_seconds(tmp_path, report, look):
    many = world.World(tmp_path / "many", num_questions=420, words=120)
    judged, *_ = many.write_paths()
    sight = look(report([judged]))
    assert "5,040 paths" in sight.status()
    took = [sight.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")]
    for _ in range(2):
        sight.page.reload()
        took.append(sight.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
    assert min(took) < 2000
    assert sight.noise == []
