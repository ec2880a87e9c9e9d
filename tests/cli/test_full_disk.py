"""A disk that takes nothing more ends every command that pays for replies: at once, and with nothing lost."""

import json
import time

import pytest

from tests.kit import ledger
from tests.kit.harness import Run, records_by, rows_of

QUESTIONS = [{"id": f"q{n}", "task": "text", "question": f"Word {n}?"} for n in range(60)]
PATHS = [{**row, "path_id": row["id"], "response": "Thus, for it is so."} for row in QUESTIONS]
COMMANDS = {
    "generate": (QUESTIONS, ("--teacher", "openai/m", "--styles", "cot")),
    "judge": (PATHS, ("--judge", "openai/m")),
    "eval": (QUESTIONS, ("--model", "openai/m")),
}
JUDGED = {"do": "verdict", "contains": "WORD"}
CONCURRENCY = 4


def words(command, served, output):
    options = COMMANDS[command][1]
    return (command, "input.jsonl", "-o", output, *options, "--api-base", served.url, "--concurrency", str(CONCURRENCY))


@pytest.fixture(params=COMMANDS)
def command(request, bench):
    bench.write_rows("input.jsonl", COMMANDS[request.param][0])
    return request.param


def test_a_full_disk_ends_a_run_in_five_seconds_and_no_further_call_is_made(command, bench):
    with ledger.serving(bench.folder / "calls.jsonl", latency_s=0.05, rules=[JUDGED]) as served:
        run = Run(bench.folder, *words(command, served, "/dev/full"))
        assert run.code() == 5, run.said
        ended = time.time()
        times = [call["time"] for call in served.calls()]
    assert ended - min(times) < 5
    assert CONCURRENCY <= len(times) <= 2 * CONCURRENCY
    assert "/dev/full: " in run.said
    assert "Traceback" not in run.said


def test_a_run_goes_on_once_there_is_room_again(command, bench):
    with ledger.serving(bench.folder / "calls.jsonl", latency_s=0.01, rules=[JUDGED]) as served:
        asked = words(command, served, "output.jsonl")
        stopped = bench.shell(f"ulimit -f 8; qrd {' '.join(asked)}", OPENAI_API_KEY="sk-test")
        assert stopped.code == 5, stopped.err
        assert stopped.err.count("output.jsonl: ") == 1
        saved, num_calls = rows_of(bench.folder / "output.jsonl"), len(served.calls())
        assert 0 < saved.count(b"\n") < 60
        assert num_calls <= saved.count(b"\n") + 2 * CONCURRENCY
        last = Run(bench.folder, *asked)
        assert last.code() == 0, last.said
        assert len(served.calls()) - num_calls == 60 - saved.count(b"\n")
    assert rows_of(bench.folder / "output.jsonl").startswith(saved)
    assert set(records_by(bench.folder / "output.jsonl", "id")) == {(row["id"],) for row in QUESTIONS}
    assert json.loads((bench.folder / "output.jsonl.manifest.json").read_text())["finished"] is True
