"""What a person at a terminal meets, in a real pseudo-terminal."""

import os
import pty
import select
import subprocess
import sys
import time

import pytest


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


COSTLY = {
    "generate": "generate questions.jsonl --teacher scripted:teacher.toml --styles cot",
    "judge": "judge paths.jsonl --judge scripted:judge.toml --all",
    "eval": "eval questions.jsonl --model scripted:teacher.toml",
}


@pytest.fixture
def with_paths(bench):
    assert bench.run(*COSTLY["generate"].split(), "-o", "paths.jsonl").code == 0
    return bench


@pytest.mark.parametrize("command", COSTLY)
def test_rows_that_cost_something_do_not_go_to_a_terminal_unasked(command, with_paths):
    terminal = Terminal(with_paths, *COSTLY[command].split())
    assert terminal.end() == 2
    assert terminal.shown.splitlines() == [
        "qrd: -o must be given: on a terminal the rows are lost with its window (-o FILE; -o - shows)"
    ]


@pytest.mark.parametrize("command", COSTLY)
def test_a_terminal_gets_the_rows_where_it_is_asked_for_and_a_file_is_no_terminal(command, with_paths):
    for words in (["-o", "-"], ["--output=-"]):
        terminal = Terminal(with_paths, *COSTLY[command].split(), *words)
        assert terminal.end() == 0
        assert '{"id":"a"' in terminal.shown
    terminal = Terminal(with_paths, *COSTLY[command].split(), "-o", "out.jsonl")
    assert terminal.end() == 0
    assert len(with_paths.rows("out.jsonl")) >= 2


@pytest.mark.parametrize("command", COSTLY)
def test_pipes_and_redirects_need_no_output(command, with_paths):
    done = with_paths.shell(f"qrd {COSTLY[command]} > redirected.jsonl && qrd {COSTLY[command]} | head -1")
    assert done.code == 0, done.err
    assert len(with_paths.rows("redirected.jsonl")) >= 2
    assert len(done.rows()) == 1


def test_what_shows_no_rows_needs_no_output_on_a_terminal(bench):
    terminal = Terminal(bench, *COSTLY["generate"].split(), "--dry-run")
    assert terminal.end() == 0
    assert "Nothing is called" in terminal.shown
    terminal = Terminal(bench, *COSTLY["generate"].split(), "--print-config")
    assert terminal.end() == 0
