"""What a person at a terminal meets: a real pseudo-terminal, and real signals."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from tests.kit import ledger


class Terminal:
    """qrd in a pseudo-terminal; what it shows is read until a text comes."""

    def __init__(self, bench, *words):
        self.parent, child = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "qrd", *words], stdin=child, stdout=child, stderr=child, cwd=bench.folder,
            env=bench.environment(TERM="xterm"), start_new_session=True,
        )  # fmt: skip
        os.close(child)
        self.shown = ""

    def read_until(self, text, seconds=30):
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            ready, _, _ = select.select([self.parent], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{text!r} did not come: {self.shown!r}"
            try:
                self.shown += os.read(self.parent, 65536).decode("utf-8", "replace")
            except OSError:
                break
        assert text in self.shown, self.shown

    def type(self, text):
        os.write(self.parent, text.encode())

    def end(self):
        """The exit code, with the rest of the screen read."""
        try:
            while block := os.read(self.parent, 65536):
                self.shown += block.decode("utf-8", "replace")
        except OSError:
            pass
        return self.process.wait(30)


def test_a_command_that_would_wait_for_a_terminal_shows_its_help_and_exits_2(bench):
    terminal = Terminal(bench, "filter")
    assert terminal.end() == 2
    assert "Usage: qrd filter" in terminal.shown


def test_generate_asks_for_what_is_missing_and_prints_the_same_command_line(bench):
    terminal = Terminal(bench, "generate", "--styles", "cot")
    for question, answer in (
        ("Teacher", "scripted:teacher.toml\n"),
        ("Paths for each question", "2\n"),
        ("File with the questions", "absent.jsonl\n"),
        ("there is no file absent.jsonl", "questions.jsonl\n"),
        ("File to write", "\n"),
    ):
        terminal.read_until(question)
        terminal.type(answer)
    assert terminal.end() == 0
    line = next(part for part in terminal.shown.splitlines() if "same as: " in part)
    assert len(bench.rows("paths.jsonl")) == 4
    words = line.partition("same as: ")[2].replace("paths.jsonl", "again.jsonl")
    assert words.startswith("qrd generate questions.jsonl ")
    bench.shell(words)
    key = lambda row: row["path_id"]  # noqa: E731
    assert sorted(bench.rows("again.jsonl"), key=key) == sorted(bench.rows("paths.jsonl"), key=key)


def test_train_asks_for_students_and_a_folder(bench):
    terminal = Terminal(bench, "train", "questions.jsonl")
    for question, answer in (("First student", "hf:nowhere\n"), ("Second student", "-\n"), ("Epochs", "1\n")):
        terminal.read_until(question)
        terminal.type(answer)
    terminal.read_until("Run folder")
    terminal.type("runs/x\n")
    assert terminal.end() == 4, "questions are not paths"
    assert "same as: qrd train questions.jsonl -o runs/x --student hf:nowhere --num-train-epochs 1.0" in terminal.shown


def slow_run(bench, served, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "qrd", "generate", "many.jsonl", "--teacher", "openai/m", "--styles", "cot",
         "--api-base", served.url, "--concurrency", "4", "-o", "paths.jsonl", *words],
        cwd=bench.folder, env=bench.environment(OPENAI_API_KEY="sk-test"), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for_rows(bench, count, seconds=60):
    deadline = time.monotonic() + seconds
    file = bench.folder / "paths.jsonl"
    while time.monotonic() < deadline:
        if file.exists() and file.read_bytes().count(b"\n") >= count:
            return
        time.sleep(0.05)
    raise AssertionError(f"{count} rows did not come in {seconds} s")


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_an_interrupted_run_keeps_its_rows_and_goes_on_without_asking_twice(sent, code, bench, tmp_path):
    many = [{"id": str(n), "task": "text", "question": f"Word {n}?"} for n in range(60)]
    bench.write_rows("many.jsonl", many)
    with ledger.serving(tmp_path / "calls.jsonl", latency_s=[0.1, 0.2]) as served:
        process = slow_run(bench, served)
        wait_for_rows(bench, 8)
        process.send_signal(sent)
        errors = process.communicate(timeout=20)[1]
        assert process.returncode == code, errors
        if sent != signal.SIGKILL:
            assert "qrd generate many.jsonl --teacher openai/m" in errors, "the command that resumes is printed"
        rows = (bench.folder / "paths.jsonl").read_bytes().split(b"\n")
        kept = {json.loads(row)["path_id"] for row in rows if row.endswith(b"}")}
        assert len(kept) >= 8
        again = slow_run(bench, served)
        errors = again.communicate(timeout=60)[1]
        assert again.returncode == 0, errors
        assert len({row["path_id"] for row in bench.rows("paths.jsonl")}) == len(bench.rows("paths.jsonl")) == 60
        assert len(served.calls()) <= 60 + 4
