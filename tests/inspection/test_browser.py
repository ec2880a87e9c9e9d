"""The browser through textual's own driver: what a person presses, and what is on the screen and on the disk then."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from qrd.inspection.book import Book
from qrd.inspection.browser.app import Browser
from qrd.inspection.browser.keys import KEYS
from qrd.inspection.browser.page import Page
from qrd.inspection.marks import Marks

HOSTILE = "look \x1b[2J\x1b]0;owned\x07 [/x] [bold]loud[/bold]\u202e\r\nnext"
STYLES = ("vanilla", "cot", "tot")
PATIENCE_S = 60


def path(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"q{number // 3}", "path_id": f"p{number}", "task": "math", "question": f"What is number {number // 3}?",
        "answer": "5", "teacher": "big", "style": STYLES[number % 3], "prediction": "5",
        "response": f"the words of reply {number} are here", "correct": number % 2 == 0, **more,
    }  # fmt: skip


class Seat:
    """A person before the browser."""

    def __init__(self, app: Browser, pilot: Any) -> None:
        self.app, self.pilot = app, pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, key: str, text: str) -> None:
        """Press a key that asks, and answer."""
        await self.press(key)
        self.app.screen.query_one("Input").value = text  # type: ignore[attr-defined]
        await self.press("enter")

    async def see(self, text: str) -> str:
        """The screen, once the text stands on it."""
        for _ in range(PATIENCE_S * 20):
            await asyncio.sleep(0.05)
            if text in (screen := self.screen()):
                return screen
        raise AssertionError(f"{text!r} did not come:\n{screen}")

    def screen(self) -> str:
        """The characters on the screen, line by line."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())


@pytest.fixture
def sit(tmp_path: Path):
    """Runs a coroutine of a Seat before a file with these rows."""

    def run(rows: list[Any], act: Callable[[Seat], Awaitable[None]], query: str = "", width: int = 130) -> Path:
        file = tmp_path / "paths.jsonl"
        if rows:
            lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
            file.write_text("".join(line + "\n" for line in lines), "utf-8")
        book = Book([str(file)])
        app = Browser(book, [Marks(str(file))], query)

        async def live() -> None:
            async with app.run_test(size=(width, 20), notifications=True) as pilot:
                await act(Seat(app, pilot))

        asyncio.run(live())
        book.close()
        return file

    return run


PATHS = [path(number) for number in range(300)]


def test_search_goes_to_the_next_row_and_back_and_an_id_or_a_number_leads_to_its_row(sit) -> None:
    async def act(seat: Seat) -> None:
        await seat.see("row 1 of 300")
        await seat.type("slash", "REPLY 11")
        await seat.see("row 12 of 300")
        await seat.press("n")
        await seat.see("row 111 of 300")
        await seat.press("N")
        await seat.see("row 12 of 300")
        await seat.type("g", "p200")
        assert "the words of reply 200 are here" in await seat.see("row 201 of 300")
        await seat.type("g", ":42")
        await seat.see("row 42 of 300")
        await seat.type("slash", "nowhere")
        await seat.see("not found")

    sit(PATHS, act)


def test_a_filter_lists_only_its_rows_and_they_can_be_exported(sit, tmp_path: Path) -> None:
    async def act(seat: Seat) -> None:
        await seat.see("row 1 of 50 ")
        await seat.type("slash", "reply 100")
        await seat.see("row 17 of 50")
        await seat.type("e", str(tmp_path / "some.jsonl"))
        await seat.see("50 rows written")
        await seat.press("f", "escape")
        await seat.see("row 17 of 50")
        await seat.type("f", "")
        await seat.see("row 101 of 300")
        await seat.type("f", "style=")
        assert "row" in await seat.see("of 0")
        await seat.type("f", '"open')
        await seat.see("no closing quotation")

    file = sit(PATHS, act, query="style=cot correct=true")
    wanted = [
        line for line, row in zip(file.read_bytes().splitlines(), PATHS) if row["style"] == "cot" and row["correct"]
    ]
    assert (tmp_path / "some.jsonl").read_bytes().splitlines() == wanted


def test_selected_rows_are_exported_and_two_are_set_against_each_other(sit, tmp_path: Path) -> None:
    async def act(seat: Seat) -> None:
        await seat.see("row 1 of 300")
        await seat.press("d")
        await seat.see("select one row")
        await seat.press("space", "down", "space")
        await seat.see("2 selected")
        await seat.press("d")
        screen = await seat.see("of the words in common")
        assert "p0  vanilla  big  sample 0  right" in screen
        assert "p2  tot  big  sample 0  right" in screen
        await seat.press("escape")
        await seat.type("e", str(tmp_path / "some.jsonl"))
        await seat.see("2 rows written")
        await seat.type("e", str(tmp_path / "paths.jsonl"))
        await seat.see("is the file that is shown")

    file = sit(PATHS, act)
    lines = file.read_bytes().splitlines()
    assert (tmp_path / "some.jsonl").read_bytes().splitlines() == [lines[0], lines[2]]


def test_all_replies_to_a_question_stand_side_by_side(sit) -> None:
    async def act(seat: Seat) -> None:
        await seat.see("row 1 of 300")
        await seat.type("g", "q40")
        await seat.see("row 121 of 300")
        await seat.press("s")
        screen = await seat.see("q40: 3 replies (all found)")
        head = next(line for line in screen.splitlines() if "vanilla" in line)
        assert re.search("vanilla  big .*right .*cot  big .*wrong .*tot  big .*right", head)
        body = next(line for line in screen.splitlines() if "reply 120" in line)
        assert re.search("reply 120 .*reply 121 .*reply 122 ", body)

    sit(PATHS, act)


def test_the_arrows_lead_from_column_to_column(sit) -> None:
    async def act(seat: Seat) -> None:
        await seat.see("row 1 of 300")
        await seat.press("s")
        await seat.see("q0: 3 replies (all found)")
        for key, number in (("right", 1), ("right", 2), ("left", 1), ("l", 2)):
            await seat.press(key)
            assert [page.has_focus for page in seat.app.screen.query(Page)] == [place == number for place in range(3)]

    sit(PATHS, act)


def test_a_narrow_screen_has_the_ways_to_help_and_out_and_room_for_the_text(sit) -> None:
    async def act(seat: Seat) -> None:
        screen = await seat.see("? help  q quit")
        first = next(line for line in screen.splitlines() if line.split()[:1] == ["1"])
        assert "the words of reply 0" in first
        await seat.press("question_mark")
        for line in KEYS.splitlines():
            await seat.see(line)

    sit(PATHS, act, width=80)


def test_marks_are_written_at_once_and_shown_when_the_file_is_opened_again(sit) -> None:
    async def mark(seat: Seat) -> None:
        await seat.see("row 1 of 300")
        await seat.press("plus", "minus", "plus", "up", "u")

    async def look(seat: Seat) -> None:
        lines = (await seat.see("row 1 of 300")).splitlines()
        signs = [next(filter(None, (re.match(rf" +{n} (.)", line) for line in lines)))[1] for n in (1, 2, 3)]
        assert signs == ["+", "-", " "]

    file = sit(PATHS, mark)
    sit([], look)
    marks = [json.loads(line) for line in Path(f"{file}.marks.jsonl").read_text("utf-8").splitlines()]
    assert [(row["path_id"], row["verdict"]) for row in marks] == [
        ("p0", "valid"), ("p1", "invalid"), ("p2", "valid"), ("p2", None),
    ]  # fmt: skip


def test_the_id_that_is_copied_is_one_plain_line(sit) -> None:
    async def act(seat: Seat) -> None:
        await seat.see("row 1 of 1")
        await seat.press("y")
        await seat.see("copied")
        assert seat.app.clipboard == "p1 rm -rf ~ \N{REPLACEMENT CHARACTER}[201~"

    sit([path(0, path_id="p1\nrm -rf ~\n\x1b[201~")], act)


def test_a_text_of_a_model_neither_acts_on_the_terminal_nor_is_read_as_markup(sit) -> None:
    row = path(0, **dict.fromkeys(("id", "question", "response", "style", "teacher", "x", "prediction"), HOSTILE))
    row |= {"verdict": "invalid", "verdicts": [{"judge": HOSTILE, "verdict": "invalid", "reason": HOSTILE}]}

    async def act(seat: Seat) -> None:
        await seat.see("row 1 of 3")
        await seat.press("space", "up", "enter")
        for keys in ((), ("enter",), ("s",), ("escape", "down", "d"), ("escape", "t"), ("escape", "y", "plus", "down")):
            await seat.press(*keys)
            screen = await seat.see("[/x]")
            assert not set(screen) & {"\x1b", "\x07", "\r", "\u202e"}
        assert "not a whole record" in await seat.see("[bold]loud")

    sit([row, {**row, "path_id": "p1", "response": HOSTILE + "."}, "{" + HOSTILE.replace("\n", " ")], act, width=100)


def test_bad_and_blank_rows_are_shown_for_what_they_are(sit) -> None:
    async def act(seat: Seat) -> None:
        await seat.see("row 1 of 5")
        for problem in ("not JSON", "(blank line)", "found str, expected bool", "found int, expected str"):
            await seat.press("down")
            await seat.see(problem)
        await seat.press("plus")
        await seat.see("no id to mark it by")
        await seat.press("t")
        await seat.see("1 records, 3 bad rows")

    sit([path(0), "{oops", "", path(3, correct="yes"), path(4, path_id=7)], act)


def test_rows_that_come_while_one_looks_are_taken_in(sit, tmp_path: Path) -> None:
    async def act(seat: Seat) -> None:
        await seat.see("row 1 of 2")
        with (tmp_path / "paths.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(path(2)) + "\n")
        await seat.press("r")
        await seat.see("row 1 of 3")
        await seat.press("end")
        await seat.see("the words of reply 2 are here")

    sit([path(0), path(1)], act)
