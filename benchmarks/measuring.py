"""Children that are timed each in a process of its own, medians over rounds, and results as JSON."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Asked:
    """How long to measure: steps of a run that count, rounds, and whether earlier rounds are kept."""

    steps: int
    rounds: int
    add: bool


@dataclass(frozen=True)
class Run:
    """What one child did in the steps that count: real tokens (padding not among them), seconds, and its highest
    resident memory from start to end."""

    tokens: int
    seconds: float
    peak_mib: float


def run_child(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> tuple[str, float]:
    """Standard output and peak resident MiB of a child; its standard error goes to `log`.

    It runs under the command that QRD_BENCH_UNDER holds, such as `taskset -c 0,1`, or a lock of the machine's.
    """
    command = [*os.environ.get("QRD_BENCH_UNDER", "").split(), *command]
    with log.open("wb") as errors:
        child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env={**os.environ, **(environment or {})}
        )
        assert child.stdout is not None
        output = child.stdout.read().decode()
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)}\nfailed with {child.returncode}:\n{log.read_text()[-3000:]}")
    return output, usage.ru_maxrss / 1024


def in_turns(name: str, sides: Mapping[str, Callable[[int], Run]], asked: Asked) -> dict[str, list[Run]]:
    """Every side once a round, so that a busy moment of the machine meets all of them; each is given the round's seed.

    With `asked.add`, behind the rounds that results/NAME.json holds already.
    """
    found: dict[str, list[Run]] = {side: earlier_runs(name, side) if asked.add else [] for side in sides}
    first = min(len(runs) for runs in found.values())
    for number in range(first, first + asked.rounds):
        for name, side in sides.items():
            run = side(number)
            found[name].append(run)
            rate = run.tokens / run.seconds
            print(f"  round {number + 1}: {name:34} {rate:7.1f} tokens/s {run.peak_mib:8.0f} MiB", flush=True)
    return found


def earlier_runs(name: str, side: str) -> list[Run]:
    file = RESULTS / f"{name}.json"
    runs = json.loads(file.read_text())["runs"].get(side, []) if file.exists() else []
    return [Run(**run) for run in runs]


def summarise(found: Mapping[str, Sequence[Run]]) -> dict[str, dict[str, float]]:
    """Medians of each side."""
    return {
        name: {
            "tokens_per_second": round(statistics.median(run.tokens / run.seconds for run in runs), 1),
            "seconds": round(statistics.median(run.seconds for run in runs), 2),
            "peak_mib": round(statistics.median(run.peak_mib for run in runs)),
        }
        for name, runs in found.items()
    }


def ratios(found: Mapping[str, Sequence[Run]], ours: str) -> dict[str, dict[str, float]]:
    """Medians over rounds of our speed over the other's and of our memory over the other's, each within a round."""
    compared = {}
    for other, runs in found.items():
        if other != ours:
            pairs = list(zip(found[ours], runs, strict=True))
            speed = statistics.median((a.tokens / a.seconds) / (b.tokens / b.seconds) for a, b in pairs)
            memory = statistics.median(a.peak_mib / b.peak_mib for a, b in pairs)
            compared[f"{ours} / {other}"] = {"speed": round(speed, 2), "memory": round(memory, 2)}
    return compared


def write_results(name: str, results: Mapping[str, Any], found: Mapping[str, Sequence[Run]]) -> None:
    """Print the results and keep them in results/NAME.json, with every run, date, versions and the kind of machine."""
    runs = {side: [asdict(run) for run in each] for side, each in found.items()}
    results = {**results, "rounds": max((len(each) for each in found.values()), default=0), "sides": summarise(found)}
    whole = {
        "comparison": name,
        "date": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}",
        **facts(),
        **results,
        "runs": runs,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(dict(results), indent=1))


def facts() -> dict[str, Any]:
    versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft", "accelerate")}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "versions": {"python": platform.python_version(), "qrd": importlib.metadata.version("qrd"), **versions},
        "machine": {"cores": len(os.sched_getaffinity(0)), "ram_gib": round(memory), "processor": platform.machine()},
    }
