"""How many API calls a second: bare aiohttp, bare litellm, curator, and `qrd generate` by both of its clients.

Usage: python benchmarks/calls.py [--requests 2000] [--rounds 3] [--curator PYTHON] [--refusals]

All call one local server (the ledger of tests/kit), which answers after 200 ms; 64 calls are in flight. The sides take
turns, so that a busy moment of the machine meets all of them. The rate is the server's: requests over the time from
the first one's coming to the last one's going. `start` is the time from the command to its first request, `CPU` the
processor time of a side for each call, its start included. curator needs an environment of its own, whose Python is
given by --curator; without one, read the ratio beside 0.74 (223 to 300), which it reached on a machine of this size.

With --refusals, instead: how long `qrd generate` takes for 240 calls of 20 ms, 16 in flight, from its first call's
coming to its last one's, and how many calls are refused (429), by servers that refuse in different ways.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LATENCY_S, IN_FLIGHT = 0.2, 64
NUM_REFUSING, QUICK_S, QUICK_IN_FLIGHT = 240, 0.02, 16
# What falls with fewer calls (in flight, or a second), and what does not.
REFUSING = {
    "3 in 10, Retry-After 1": {"probability": 0.3, "retry_after": 1},
    "3 in 10, none": {"probability": 0.3},
    "more than 4 in flight, Retry-After 1": {"over": 4, "retry_after": 1},
    "more than 4 in flight, none": {"over": 4},
    "beyond 20 a second, Retry-After 1": {"beyond": [20, 20], "retry_after": 1},
    "beyond 20 a second, none": {"beyond": [20, 20]},
}
THROUGH_LITELLM = "xai/grok-3"  # any name that litellm alone calls, by OpenAI's protocol


@dataclass(frozen=True)
class Measured:
    """Calls a second, seconds to the first one, milliseconds of processor time for each."""

    rate: float
    start_s: float
    cpu_ms: float


def sides(url: str, questions: Path, folder: Path, curator: str | None) -> dict[str, list[str]]:
    """The command of each side."""
    bare = [url, str(questions), str(IN_FLIGHT)]
    ours = [
        sys.executable, "-m", "qrd", "generate", str(questions), "-o", str(folder / "paths.jsonl"), "--no-resume",
        "--styles", "cot", "--api-base", url, "--concurrency", str(IN_FLIGHT), "--max-tokens", "64", "--quiet",
    ]  # fmt: skip
    found = {
        "aiohttp": [sys.executable, str(HERE / "sides" / "aiohttp_calls.py"), *bare],
        "litellm": [sys.executable, str(HERE / "sides" / "litellm_calls.py"), *bare, THROUGH_LITELLM],
        "qrd": [*ours, "--teacher", "openai/m"],
        "qrd, by litellm": [*ours, "--teacher", THROUGH_LITELLM],
    }
    if curator is not None:
        found["curator"] = [curator, str(HERE / "sides" / "curator_calls.py"), *bare]
    return found


@contextmanager
def ledger(folder: Path, **plan: object) -> Iterator[str]:
    """The URL of a server whose calls are written to `calls.jsonl` of the folder."""
    (folder / "plan.json").write_text(json.dumps(plan), "utf-8")
    words = ["--file", str(folder / "calls.jsonl"), "--plan", str(folder / "plan.json")]
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.kit.ledger", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HERE.parent,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        yield json.loads(child.stdout.readline())["url"]
    finally:
        child.stdin.close()
        child.wait(20)


def questions_in(folder: Path, number: int) -> Path:
    """A file of so many questions."""
    rows = [{"id": f"q{n}", "task": "text", "question": f"Word {n}?"} for n in range(number)]
    file = folder / "questions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def refused(rule: dict[str, object]) -> tuple[float, int, int]:
    """Seconds, refused calls and failed rows of a run before a server that refuses by a rule."""
    plan = {"latency_s": QUICK_S, "seed": 7, "rules": [{"do": "status", "status": 429, "latency_s": 0, **rule}]}
    with tempfile.TemporaryDirectory() as name, ledger(Path(name), **plan) as url:
        folder = Path(name)
        command = [
            sys.executable, "-m", "qrd", "generate", str(questions_in(folder, NUM_REFUSING)), "--styles", "cot",
            "-o", str(folder / "paths.jsonl"), "--api-base", url, "--concurrency", str(QUICK_IN_FLIGHT), "--quiet",
            "--teacher", "openai/m",
        ]  # fmt: skip
        environment = {**installed(folder), "OPENAI_API_KEY": "none"}
        done = subprocess.run(command, env=environment, cwd=HERE.parent, capture_output=True, text=True)
        if done.returncode not in (0, 3):
            sys.exit(done.stderr)
        calls = [json.loads(line) for line in (folder / "calls.jsonl").read_text("utf-8").splitlines()]
        times = [call["time"] for call in calls]
        num_rows = (folder / "paths.jsonl").read_bytes().count(b"\n")
        return max(times) - min(times), sum(call["did"] == "status" for call in calls), NUM_REFUSING - num_rows


def tell_refusals(rounds: int) -> None:
    """Print medians of all ways to refuse."""
    print(f"{NUM_REFUSING} requests of {QUICK_S} s, {QUICK_IN_FLIGHT} in flight; medians of {rounds}")
    for name, rule in REFUSING.items():
        seconds, num_refused, num_failed = zip(*(refused(rule) for _ in range(rounds)))
        print(f"{name:38} {statistics.median(seconds):6.1f} s   {statistics.median(num_refused):4.0f} calls refused"
              f"   {statistics.median(num_failed):3.0f} rows failed", flush=True)  # fmt: skip


def installed(folder: Path) -> dict[str, str]:
    """An environment in which modules are compiled once, as installing does, and not by each process."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}


def measured(command: Sequence[str], calls: Path, least: int) -> Measured:
    """One run of a side."""
    before = calls.stat().st_size if calls.exists() else 0
    environment = {**installed(calls.parent), "OPENAI_API_KEY": "none", "XAI_API_KEY": "none"}
    began = time.time()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, stdout=said, stderr=said, env=environment, cwd=HERE.parent)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if child.returncode:
            sys.exit(f"{' '.join(command)}\nfailed:\n{said.read()[-3000:].decode()}")
    with calls.open("rb") as stream:
        stream.seek(before)
        times = [json.loads(line)["time"] for line in stream]
    if len(times) < least:
        sys.exit(f"{' '.join(command)}\nmade {len(times)} calls of {least}")
    times = times[-least:]  # curator tries its endpoint once before
    rate = len(times) / (max(times) - min(times) + LATENCY_S)
    return Measured(rate, min(times) - began, (usage.ru_utime + usage.ru_stime) * 1000 / len(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--curator", metavar="PYTHON", default=os.environ.get("CURATOR_PYTHON"))
    parser.add_argument("--refusals", action="store_true", help="measure what refused calls cost")
    options = parser.parse_args()
    if options.refusals:
        tell_refusals(options.rounds)
    else:
        tell_rates(options)


def tell_rates(options: argparse.Namespace) -> None:
    """Print calls a second of all sides."""
    found: dict[str, list[Measured]] = {}
    with tempfile.TemporaryDirectory() as name, ledger(Path(name), latency_s=LATENCY_S) as url:
        folder = Path(name)
        questions = questions_in(folder, options.requests)
        for _ in range(options.rounds):
            for side, command in sides(url, questions, folder, options.curator).items():
                found.setdefault(side, []).append(measured(command, folder / "calls.jsonl", options.requests))
    rates = {side: statistics.median(one.rate for one in ones) for side, ones in found.items()}
    print(f"{options.requests} requests, {IN_FLIGHT} in flight, {LATENCY_S} s each; medians of {options.rounds}")
    for side, ones in found.items():
        start_s, cpu_ms = (statistics.median(getattr(one, name) for one in ones) for name in ("start_s", "cpu_ms"))
        told = ", ".join(f"{one.rate:.0f}" for one in ones)
        print(f"{side:16} {rates[side]:5.0f} a second (of {told})   {rates[side] / rates['aiohttp']:.2f} of aiohttp"
              f"   start {start_s:5.2f} s   CPU {cpu_ms:5.2f} ms")  # fmt: skip
    print(f"qrd by litellm is at {rates['qrd, by litellm'] / rates['litellm']:.2f} of bare litellm")


if __name__ == "__main__":
    main()
