"""How fast `qrd filter` is beside jq, what memory it takes and how long it takes to start; medians.

Usage: python benchmarks/filtering.py [NUM_PATHS]   (200,000 paths of about 1.2 KB each; needs jq)

Both read the same file of judged paths and write those that are right and valid; what they write is compared. The
memory is that of all processes of qrd together at its highest, shared pages counted once for each.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

REPEATS, STARTS = 3, 7
QUERY = 'select(.correct and .verdict=="valid")'
WORDS = [
    "the",
    "of",
    "add",
    "then",
    "we",
    "find",
    "number",
    "each",
    "half",
    "so",
    "twice",
    "sum",
    "left",
    "over",
    "step",
    "because",
    "pair",
    "total",
    "cost",
    "first",
]
STYLES = ("vanilla", "cot", "tot", "program", "backward", "facts")


def judged_path(number: int, draw: random.Random) -> dict[str, object]:
    """One judged path of about 1.2 KB, of 12 for each question."""

    def text(length: int) -> str:
        return " ".join(draw.choices(WORDS, k=length))

    is_right = draw.random() < 0.75
    verdict = draw.choice(["valid", "valid", "valid", "invalid", "unscored"]) if is_right else None
    verdicts = [{"judge": "openai/gpt-4o-mini", "verdict": verdict, "reason": text(6), "raw": text(8)}]
    return {
        "id": f"q-{number // 12}", "task": "math", "question": text(25) + "?", "answer": "5",
        "path_id": f"{draw.getrandbits(64):016x}", "request_hash": f"{draw.getrandbits(256):064x}",
        "teacher": "gemini/gemini-1.5-pro", "style": STYLES[number % 6], "sample": number % 2,
        "prompt": [{"role": "user", "content": text(45)}],
        "response": f'Step 1: {text(38)}\n\nStep 2: so "{text(33)}"\n\nFinal answer: \\boxed{{5}}',
        "finish_reason": "stop", "prediction": "5" if is_right else "6", "correct": is_right,
        "usage": {"prompt_tokens": 51, "completion_tokens": 92, "cost_usd": 0.0001},
        "verdicts": verdicts if verdict else None, "verdict": verdict,
    }  # fmt: skip


def write_paths(file: Path, number: int) -> None:
    draw = random.Random(0)
    with file.open("w", encoding="utf-8") as stream:
        for at in range(number):
            stream.write(json.dumps(judged_path(at, draw), ensure_ascii=False, separators=(",", ":")) + "\n")


def seconds(command: Sequence[str], output: Path | None = None) -> float:
    """Wall time of one run; what others left unwritten goes to the disk before, since qrd waits for its own output."""
    os.sync()
    with open(output or os.devnull, "wb") as stream:
        start = time.perf_counter()
        subprocess.run(command, stdout=stream, stderr=subprocess.DEVNULL, check=True)
        return time.perf_counter() - start


def peak_mebibytes(command: Sequence[str]) -> float:
    """The highest sum, sampled every 20 ms, over a process and its children; Linux only."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0.0

    def watch() -> None:
        nonlocal peak
        while child.poll() is None:
            peak = max(peak, sum(map(resident, [child.pid, *children_of(child.pid)])))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    child.wait()
    watcher.join()
    return peak


def children_of(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
    except OSError:
        return 0.0


def main(num_paths: int) -> None:
    """Print the medians and the ratios."""
    qrd = [sys.executable, "-m", "qrd", "filter", "--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        paths, kept, picked, empty = (Path(folder) / name for name in ("paths", "kept", "picked", "empty"))
        empty.write_bytes(b"")
        times: dict[str, list[float]] = {"qrd filter": [], "jq": [], "start of filter": [], "import typer": []}
        for _ in range(STARTS):  # before the large file: a disk that is still busy with it would be measured too
            times["start of filter"].append(seconds([*qrd, str(empty), "-o", str(kept) + ".0", "--min-kept", "0"]))
            times["import typer"].append(seconds([sys.executable, "-c", "import typer"]))
        write_paths(paths, num_paths)
        print(f"{num_paths:,} judged paths, {paths.stat().st_size / num_paths:,.0f} bytes each")
        for _ in range(REPEATS):  # in turns, so that a busy moment of the machine meets all of them
            times["qrd filter"].append(seconds([*qrd, str(paths), "-o", str(kept)]))
            times["jq"].append(seconds(["jq", "-c", QUERY, str(paths)], picked))
        if kept.read_bytes() != picked.read_bytes():
            sys.exit("qrd and jq wrote different rows")
        median = {name: statistics.median(found) for name, found in times.items()}
        for name, found in times.items():
            print(f"{name:16} {median[name]:6.2f} s   of {', '.join(f'{one:.2f}' for one in found)}")
        print(f"qrd filter is {median['jq'] / median['qrd filter']:.2f} times as fast as jq")
        print(f"its start takes {median['start of filter'] - median['import typer']:.2f} s more than `import typer`")
        print(f"its processes take {peak_mebibytes([*qrd, str(paths), '-o', str(kept)]):.0f} MiB together")


if __name__ == "__main__":
    if shutil.which("jq") is None:
        sys.exit("this benchmark compares with jq, which is not installed")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
