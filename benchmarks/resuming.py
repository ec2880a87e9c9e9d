"""How soon `qrd generate` makes its first new call where 100,000 rows are finished, and in how much memory.

Usage: python benchmarks/resuming.py [--rows 100000] [--rounds 3]

The finished rows are made by qrd's own plan, with replies of 1.3 kB; 20 questions are new. Each round goes on with a
copy of them. The time is from the command to its first request as the local server (the ledger of tests/kit) saw it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

from calls import HERE, installed, ledger

from qrd.config import GenerateConfig
from qrd.rows.lines import encode
from qrd.rows.reader import Reader
from qrd.rows.records import Question, Usage
from qrd.stages import generate, planning, selecting

TEACHER, NEW_QUESTIONS = "hosted_vllm/m", 20
TEXT = (
    "Natalia sold clips to {} of her friends in April, and then she sold half as many clips in May. How many clips did "
    "Natalia sell altogether in April and May?"
)
REPLY = "Step by step, and one more step. " * 40 + "\nFinal answer: 5"


def write_questions(file: Path, number: int) -> None:
    rows = ({"id": f"q{n}", "task": "math", "question": TEXT.format(n), "answer": str(n)} for n in range(number))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def write_paths(file: Path, config: GenerateConfig, number: int) -> None:
    questions = selecting.Held(Reader(config.input, Question, unique="id"), Question)
    usage = Usage(prompt_tokens=100, completion_tokens=300)
    with file.open("wb") as stream:
        for item in islice(planning.planned(questions, config, TEACHER), number):
            request = generate.request_of(item, config)
            said = {
                "path_id": item.path_id, "request_hash": request.hash(TEACHER, config.api_base), "teacher": TEACHER,
                "style": item.style, "sample": item.sample, "prompt": list(item.messages), "response": REPLY,
                "finish_reason": "stop", "prediction": "5", "correct": False, "usage": usage,
            }  # fmt: skip
            stream.write(encode({**item.row.fields, **said}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ledger(Path(name)) as url:
        folder = Path(name)
        config = GenerateConfig(input=(str(folder / "questions.jsonl"),), teacher=(TEACHER,), api_base=url)
        write_questions(folder / "questions.jsonl", options.rows // len(config.styles) + NEW_QUESTIONS)
        write_paths(folder / "finished.jsonl", config, options.rows)
        waits, peaks = [], []
        for _ in range(options.rounds):
            shutil.copyfile(folder / "finished.jsonl", folder / "paths.jsonl")
            seen = (folder / "calls.jsonl").stat().st_size if (folder / "calls.jsonl").exists() else 0
            began = time.time()
            child = subprocess.Popen(
                [sys.executable, "-m", "qrd", "generate", config.input[0], "-o", str(folder / "paths.jsonl"),
                 "--teacher", TEACHER, "--api-base", url, "--quiet"],
                cwd=HERE.parent, env=installed(folder),
            )  # fmt: skip
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode:
                sys.exit(f"qrd generate ended with {child.returncode}")
            with (folder / "calls.jsonl").open("rb") as stream:
                stream.seek(seen)
                waits.append(min(json.loads(line)["time"] for line in stream) - began)
            peaks.append(usage.ru_maxrss / 1024)
    print(f"{options.rows:,} finished rows: first new call after {statistics.median(waits):.2f} s "
          f"(of {', '.join(f'{wait:.2f}' for wait in waits)}), {max(peaks):.0f} MiB")  # fmt: skip


if __name__ == "__main__":
    main()
