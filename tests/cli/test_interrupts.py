"""Ctrl-C and SIGTERM: nothing more is sent, what was paid for is written, and the run ends in time."""

import json
import os
import signal
import time

import pytest

from tests.kit import ledger
from tests.kit.harness import Run, Watched, rows_of

QUESTIONS = [{"id": f"q{n}", "task": "text", "question": f"Word {n}?"} for n in range(60)]
PATHS = [{**row, "path_id": row["id"], "response": "Thus."} for row in QUESTIONS]
COMMANDS = {
    "generate": (QUESTIONS, ("--teacher", "openai/m", "--styles", "cot")),
    "judge": (PATHS, ("--judge", "openai/m")),
    "eval": (QUESTIONS, ("--model", "openai/m")),
}
JUDGED = {"do": "verdict", "contains": "WORD"}


def started(folder, served, command="generate", *more):
    rows, words = COMMANDS[command]
    (folder / "input.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    endpoint = ("--api-base", served.url, "--concurrency", "8")
    return Run(folder, command, "input.jsonl", "-o", "output.jsonl", *endpoint, *words, *more)


def send_after(number, run, served, signal_number=signal.SIGINT):
    """Send a signal once so many calls were made; the time of it."""
    watched, deadline = Watched(served.file), time.monotonic() + 60
    while watched.count() < number:
        assert time.monotonic() < deadline, run.said
        assert not run.has_ended, run.said
        time.sleep(0.01)
    os.kill(run.process.pid, signal_number)
    return time.time()


def num_rows(folder):
    return rows_of(folder / "output.jsonl").count(b"\n")


@pytest.mark.parametrize(
    ("command", "signal_number", "code"),
    [("generate", signal.SIGINT, 130), ("judge", signal.SIGINT, 130), ("eval", signal.SIGTERM, 143)],
)
def test_replies_under_way_are_written_and_nothing_more_is_sent(command, signal_number, code, tmp_path):
    with ledger.serving(tmp_path / "calls.jsonl", latency_s=0.8, rules=[JUDGED]) as served:
        run = started(tmp_path, served, command)
        sent = send_after(12, run, served, signal_number)
        assert run.code() == code, run.said
        assert time.time() - sent < 5
        calls = served.calls()
    assert max(call["time"] for call in calls) < sent + 1
    assert 12 <= num_rows(tmp_path) == len(calls) < 60
    assert f"to go on: qrd {command} input.jsonl -o output.jsonl" in run.said
    assert json.loads((tmp_path / "output.jsonl.manifest.json").read_text())["finished"] is False


def test_a_call_that_hangs_is_left_in_time(tmp_path):
    hanging = {"do": "hang", "contains": "Word 3?"}
    with ledger.serving(tmp_path / "calls.jsonl", latency_s=0.2, rules=[hanging]) as served:
        secret_url = served.url.replace("http://", "http://user:canary-77@")
        run = started(tmp_path, served, "generate", "--api-base", secret_url)
        sent = send_after(20, run, served)
        assert run.code() == 130, run.said
        assert time.time() - sent < 10
        assert num_rows(tmp_path) == len(served.calls()) - 1
    assert "canary" not in run.said


def test_no_failed_call_is_tried_again(tmp_path):
    busy = {"do": "status", "status": 503, "calls": list(range(9, 1000))}
    with ledger.serving(tmp_path / "calls.jsonl", latency_s=0.05, rules=[busy]) as served:
        run = started(tmp_path, served, "generate", "--retries", "50")
        sent = send_after(16, run, served)
        assert run.code() == 130, run.said
        assert time.time() - sent < 5
        assert max(call["time"] for call in served.calls()) < sent + 1
    assert num_rows(tmp_path) == 8
    assert not (tmp_path / "output.jsonl.failed.jsonl").exists(), "what was not tried to the end did not fail"


def test_the_same_signal_again_ends_a_run_at_once(tmp_path):
    with ledger.serving(tmp_path / "calls.jsonl", rules=[{"do": "hang"}]) as served:
        run = started(tmp_path, served)
        send_after(8, run, served)
        time.sleep(0.5)
        assert not run.has_ended
        os.kill(run.process.pid, signal.SIGINT)
        begin = time.time()
        assert run.code() == 130, run.said
        assert time.time() - begin < 3
