"""What a person sees goes to the stream it belongs to, and no text of a model acts on the terminal."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable

import pytest

from qrd import console as module
from qrd.console import Console, clean
from qrd.console.progress_line import widths

HOSTILE = "a\x1b[31mb\x1b]0;title\x07c\rd\x9be\x7ff\u202eg"


def on_terminal(show: Callable[[Console], None], monkeypatch: pytest.MonkeyPatch) -> str:
    """What `show` makes a console write to a terminal, read to its end: one read may hold a part of it only."""
    monkeypatch.setenv("TERM", "xterm")
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as stream:
        show(Console(stream=stream))
    parts = []
    with os.fdopen(leader, "rb", buffering=0) as screen, contextlib.suppress(OSError):  # a closed terminal: EIO
        while part := screen.read(2**16):
            parts.append(part)
    return b"".join(parts).decode()


def test_clean_takes_out_every_control_character_but_tabs_and_line_ends() -> None:
    kept = {chr(code) for code in range(0x110000) if clean(chr(code)) == chr(code)}
    assert not kept & {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))}
    assert not kept & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
    assert kept >= set("\t\n aZ~äß日本🙂[]/")


def test_messages_go_to_standard_error_only(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.say("said")
    console.table("A table", ("name", "rows"), [("x", 1)])
    console.error("wrong")
    out, err = capsys.readouterr()
    assert out == ""
    assert [" ".join(line.split()) for line in err.splitlines()] == ["said", "A table", "name rows", "x 1", "wrong"]


def test_quiet_shows_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(quiet=True)
    console.say("said")
    console.table("A table", ("name",), [("x",)])
    with console.progress("work", 2) as progress:
        progress.advance(done=2)
    console.error("wrong")
    assert capsys.readouterr().err == "wrong\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_hostile_text_and_markup_come_out_as_plain_text(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def show(console: Console) -> None:
        console.say(HOSTILE)
        console.table(f"[/x]{HOSTILE}", (f"[b]{HOSTILE}", "n"), [(f"[/y] {HOSTILE} [red]z[/red] :smile:", "[/]")])

    stream = io.StringIO()
    if terminal:
        text = on_terminal(show, monkeypatch)
    else:
        show(Console(stream=stream))
        text = stream.getvalue()
    for words in ("[/x]", "[b]", "[/y]", "[red]z[/red]", ":smile:", "[/]"):
        assert words in text
    for escape in ("\x1b[31m", "\x1b]0;", "\x07", "\x9b", "\x7f", "\u202e"):
        assert escape not in text
    assert terminal or "\x1b" not in text


def test_names_and_titles_stay_whole_in_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    title, name, heading = "A title wider than the table below it", "ensemble:competence", "a heading much wider"
    monkeypatch.setenv("COLUMNS", "80")
    rows = [(name, *("12.3",) * 5)]
    shown = on_terminal(lambda console: console.table(title, ("model", *(heading,) * 5), rows), monkeypatch)
    assert title in shown
    assert name in shown
    assert all(word in shown for word in heading.split()), "a word of a heading was broken"
    narrow = on_terminal(lambda console: console.table(title, ("", "n"), [("x", "1")]), monkeypatch)
    assert title in narrow


def test_columns_of_numbers_are_set_right_and_texts_left() -> None:
    stream = io.StringIO()
    rows = [("a", "short", "1"), ("b", "much longer", "< 0.001"), ("c", "", "")]
    Console(stream=stream).table("T", ("name", "text", "p"), rows)
    assert [line.rstrip() for line in stream.getvalue().splitlines()[1:]] == [
        " name  text               p", " a     short              1", " b     much longer  < 0.001", " c"
    ]  # fmt: skip


def test_a_table_without_headings_has_no_empty_head() -> None:
    stream = io.StringIO()
    Console(stream=stream).table("Counts", ("", ""), [("paths", 3)])
    assert [line.split() for line in stream.getvalue().splitlines()] == [["Counts"], ["paths", "3"]]


def test_a_cell_is_one_line_and_not_too_long() -> None:
    stream = io.StringIO()
    Console(stream=stream).table("T", ("a", "b"), [("x\nfake row  1", "y" * 500)])
    assert len(stream.getvalue().splitlines()) == 3
    assert "x fake row 1" in stream.getvalue()
    assert "y" * 98 not in stream.getvalue()


def test_a_pipe_gets_no_frame_and_no_folded_line() -> None:
    stream = io.StringIO()
    Console(stream=stream).table("T", tuple("abcd"), [("w" * 90, "x" * 90, "y" * 90, "z" * 90)])
    assert stream.getvalue().isascii()
    assert any(all(letter * 90 in line for letter in "wxyz") for line in stream.getvalue().splitlines())


def test_a_stream_that_cannot_say_a_character_gets_its_code() -> None:
    raw = io.BytesIO()
    console = Console(stream=io.TextIOWrapper(raw, encoding="ascii"))
    console.say("naïve \udcff")
    console.table("日本", ("é",), [("🙂",)])
    text = raw.getvalue().decode("ascii")
    assert "na\\xefve \\udcff" in text
    assert "\\u65e5\\u672c" in text


def test_progress_in_a_pipe_is_a_plain_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    stream = io.StringIO()
    with Console(stream=stream).progress("generate", 40) as progress:
        for _ in range(20):
            clock[0] += 1.0
            progress.advance(done=1, failed=0, tokens=50, cost_usd=0.01)
    assert stream.getvalue().splitlines() == [
        "generate: 5/40 in 5.0 s, about 35 s left, tokens 250, $0.0500 of about $0.4000",
        "generate: 10/40 in 10.0 s, about 30 s left, tokens 500, $0.1000 of about $0.4000",
        "generate: 15/40 in 15.0 s, about 25 s left, tokens 750, $0.1500 of about $0.4000",
        "generate: 20/40 in 20.0 s, about 20 s left, tokens 1,000, $0.2000 of about $0.4000",
        "generate: 20/40 in 20.0 s, about 20 s left, tokens 1,000, $0.2000 of about $0.4000",
    ]


def test_the_time_left_is_told_by_the_pace_of_batches_not_of_the_rows_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    progress, told = Console(stream=io.StringIO()).progress("generate", 128), {}
    for seconds in range(0, 90, 10):
        clock[0] = float(seconds)
        if seconds in (20, 40, 60, 80):
            for _ in range(32):
                clock[0] += 0.001
                progress.advance(done=1)
        told[seconds] = progress._left()
    assert [told[seconds] for seconds in (10, 20, 30)] == ["", "", ""], "one batch tells no pace"
    assert [told[seconds] for seconds in (40, 50, 60, 70)] == [f"about {left} s left" for left in (40, 30, 20, 10)]
    assert told[80] == ""


def test_progress_on_a_terminal_is_drawn_and_leaves_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def show(console: Console) -> None:
        with console.progress("[/x] work", 3) as progress:
            progress.advance(done=3, failed=1)

    text = on_terminal(show, monkeypatch)
    assert "\N{BOX DRAWINGS HEAVY HORIZONTAL}" in text
    assert "[/x] work" in text
    assert "3/3" in text
    assert "failed 1" in text


def test_a_reader_of_standard_error_that_has_gone_makes_the_console_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Gone())
    console = Console()
    console.say("one")
    assert console.quiet
    with pytest.raises(BrokenPipeError):  # but for standard output the producer has to end
        Console(stream=Gone()).say("one")


def test_calls_that_hang_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLAIN_LINE_EVERY_S", 0.05)
    monkeypatch.setattr(module, "RENEWED_EVERY_S", 0.02)
    stream = io.StringIO()
    with Console(stream=stream).progress("generate", 4, in_flight=lambda: 3):
        time.sleep(0.2)
    assert "generate: 0/4 in 0." in stream.getvalue()
    assert "in flight 3" in stream.getvalue()


def test_a_line_tells_what_is_in_flight_failed_spent_and_to_be_spent() -> None:
    stream = io.StringIO()
    with Console(stream=stream).progress("generate", 8, in_flight=lambda: 3) as progress:
        progress.advance(done=2, failed=1, tokens=1500, cost_usd=0.5)
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("generate: 2/8 in ")
    assert line.endswith("in flight 3, failed 1, tokens 1,500, $0.5000 of about $2.0000")


def test_what_a_run_will_cost_is_told_by_the_rows_that_it_has_paid_for() -> None:
    stream = io.StringIO()
    with Console(stream=stream).progress("judge", 12) as progress:
        progress.advance(done=4, kept=4)
        progress.advance(done=2, cost_usd=0.5)
    (line,) = stream.getvalue().splitlines()
    assert line.endswith("kept 4, $0.5000 of about $2.0000")


def screens(text: str) -> list[str]:
    """The lines that a terminal has shown, each as it stood before it was drawn again."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return [line.rstrip() for line in re.split(r"[\r\n]+", plain) if line.strip()]


def in_terminal_of(columns: int, script: str, *words: str) -> str:
    """What a Python process writes to standard error, which is a terminal of so many columns."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-c", script, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=follower,
        env={**environment, "TERM": "xterm"},
    )  # fmt: skip
    os.close(follower)
    parts = []
    with os.fdopen(leader, "rb", buffering=0) as screen, contextlib.suppress(OSError):
        while part := screen.read(2**16):
            parts.append(part)
    assert process.wait(60) == 0, b"".join(parts)
    return b"".join(parts).decode()


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("label", ["generate", "a label that is longer than a narrow terminal has room for"])
def test_bar_count_and_time_stay_on_a_narrow_terminal(columns: int, label: str) -> None:
    script = (
        "import sys; from qrd.console import Console\n"
        "with Console().progress(sys.argv[1], 12_000, in_flight=lambda: 64) as progress:\n"
        "    progress.advance(done=3_500, failed=12, tokens=1_234_567, cost_usd=12.3456)\n"
        "    progress._live.refresh()\n"
    )
    text = in_terminal_of(columns, script, label)
    drawn = [line for line in screens(text) if "\N{BOX DRAWINGS HEAVY HORIZONTAL}" in line and " 3500/12000 " in line]
    assert drawn, text
    for line in drawn:
        assert len(line) <= columns, line
        assert re.search(r"━{5}.* 3500/12000 0:00:0\d", line), line
    assert any(line.startswith(label[:4]) for line in drawn)
    if columns == 80 and label == "generate":
        assert any("in flight 64" in line for line in drawn)


@pytest.mark.parametrize("terminal", range(30, 200, 7))
@pytest.mark.parametrize("label", [0, 8, 70])
@pytest.mark.parametrize("note", [0, 5, 30, 300])
def test_a_line_of_progress_is_never_wider_than_its_terminal(terminal: int, label: int, note: int) -> None:
    found = widths(terminal, label=label, kept=18, note=note)
    num_parts = 3 + bool(found.label) + bool(found.note)
    assert found.label + found.bar + 18 + found.note + num_parts - 1 <= terminal
    assert found.bar >= 9 or terminal < 32
    assert found.note in (0, note) or found.note >= 8
