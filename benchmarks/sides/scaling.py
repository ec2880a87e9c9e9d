"""Median seconds of a step on k paths, for students of one base: exclusive routing, and all paths to all.

Usage: scaling.py PATHS.jsonl MODEL NUM_STUDENTS ROUNDS      Prints {"exclusive": {k: seconds}, "none": {k: seconds}}.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

from accelerate import Accelerator

from qrd.config import TrainConfig, knobs
from qrd.stages.train.objectives import make_objective
from qrd.training.batches import Encoder, Example
from qrd.training.loop import Loop
from qrd.training.students.loading import load_students, parse_students

# Every path to every student is only there to compare with, at one number of paths.
NUM_PATHS = {"exclusive": (1, 2, 4, 8, 12), "none": (4,)}


def config_of(model: str, num_students: int, routing: str, num_paths: int) -> TrainConfig:
    return knobs.build(TrainConfig, {
        "student": [f"s{at}={model}" for at in range(num_students)], "routing": routing, "dtype": "float32",
        "encoder": "embedded:minilm-l6", "lambda_mutual": 0.0, "per_device_train_batch_size": num_paths,
        "output": "unused",
    })  # fmt: skip


def main(file: Path, model: str, num_students: int, rounds: int) -> dict[str, dict[int, float]]:
    accelerator = Accelerator()
    config = config_of(model, num_students, "exclusive", 1)
    specs = parse_students(config.student)
    students = load_students(specs, config, {spec.name: accelerator.device for spec in specs})
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    encoders = [Encoder(student.tokenizer) for student in students]
    examples = [
        Example(row["path_id"], row["id"], row["style"], row["response"],
                tuple(encoder.encode(row["prompt"], row["response"]) for encoder in encoders))
        for row in rows
    ]  # fmt: skip
    found: dict[str, dict[int, float]] = {routing: {} for routing in NUM_PATHS}
    for routing, times in found.items():
        for num_paths in NUM_PATHS[routing]:
            settings = config_of(model, num_students, routing, num_paths)
            paths = examples[:num_paths]
            loop = Loop(students, paths, make_objective(settings, students, paths), settings, accelerator)
            times[num_paths] = round(statistics.median([timed(loop, step) for step in range(rounds + 1)][1:]), 3)
    return found


def timed(loop: Loop, step: int) -> float:
    start = time.perf_counter()
    loop.run_step(step)
    return time.perf_counter() - start


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
