"""The browser in a real terminal, under tmux: what a person sees, and what hostile rows send to the terminal."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE_S = 120
HOSTILE = "look \x1b[2J\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07 [/x]"


class Tmux:
    """A terminal of its own whose every byte is also written to a file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bytes = folder, folder / "bytes"
        self.words = ["tmux", "-f", "/dev/null", "-S", str(folder / "socket")]

    def run(self, *words: str) -> str:
        return subprocess.run([*self.words, *words], capture_output=True, text=True, check=True, timeout=20).stdout

    def start(self, *words: str) -> None:
        program = shlex.join([sys.executable, "-m", "qrd", *words])
        command = f"echo $$ > shell; sh -c 'echo $$ > pid; exec {program}'; echo ended with $?; sleep 60"
        inside = f"script -q -f -c {shlex.quote(command)} {shlex.quote(str(self.bytes))}"
        self.run("new-session", "-d", "-x", "130", "-y", "30", "-c", str(self.folder), inside)

    def see(self, text: str) -> str:
        deadline = time.monotonic() + PATIENCE_S
        while text not in (screen := self.run("capture-pane", "-p")):
            assert time.monotonic() < deadline, f"{text!r} did not come: {screen}"
            time.sleep(0.1)
        return screen


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    if not shutil.which("tmux") or not shutil.which("script"):
        pytest.skip("needs tmux and script")
    terminal = Tmux(tmp_path)
    yield terminal
    for name in ("shell", "pid"):  # `script` outlives its terminal as long as they do
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((tmp_path / name).read_text("utf-8")), signal.SIGKILL)
    subprocess.run([*terminal.words, "kill-server"], capture_output=True)


def test_a_terminal_opens_the_browser_and_gets_it_back_clean(tmux: Tmux) -> None:
    rows = [
        {"id": "q1", "task": "text", "question": HOSTILE, "path_id": f"p{n}", "response": HOSTILE} for n in range(9)
    ]
    (tmux.folder / "paths.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    tmux.start("inspect", "paths.jsonl")
    assert "[/x]" in tmux.see("row 1 of 9")
    tmux.run("send-keys", "j", "y", "+")
    tmux.see("row 3 of 9")
    tmux.run("send-keys", "q")
    assert "row 3 of 9" not in tmux.see("ended with 0"), "the screen of before is back"
    said = tmux.bytes.read_bytes()
    assert b"]0;owned" not in said.replace("\N{REPLACEMENT CHARACTER}]0;owned".encode(), b"")
    assert said.count(b"\x1b]52;c;") == 1
    assert b"\x1b]52;c;" + base64.b64encode(b"p1") in said
    mark = json.loads((tmux.folder / "paths.jsonl.marks.jsonl").read_text("utf-8"))
    assert (mark["path_id"], mark["verdict"]) == ("p1", "valid")


def test_what_is_asked_for_as_text_opens_no_browser(tmux: Tmux) -> None:
    (tmux.folder / "rows.jsonl").write_text('{"step": 1, "loss": 0.5}\n', "utf-8")
    tmux.start("inspect", "rows.jsonl", "--plain")
    assert "Records" in tmux.see("ended with 0")


def test_a_signal_ends_the_browser_and_the_terminal_is_given_back(tmux: Tmux) -> None:
    (tmux.folder / "rows.jsonl").write_text('{"step": 1, "loss": 0.5}\n', "utf-8")
    tmux.start("inspect", "rows.jsonl")
    tmux.see("row 1 of 1")
    os.kill(int((tmux.folder / "pid").read_text("utf-8")), signal.SIGTERM)
    assert "row 1 of 1" not in tmux.see("ended with 143")
