"""How fast `qrd train` is, and what memory it takes, beside TRL, beside the released code's way, and beside itself.

Usage: python benchmarks/training.py [COMPARISON ...] [--steps N] [--rounds N] [--add]

smollm2, gemma3   plain fine-tuning beside TRL's SFTTrainer as it comes, and grouped by length
joint             two students jointly under exclusive routing, beside one after the other on all paths; and the
                  encoder's share of an epoch, the first time and cached
scaling           seconds of a step as the number of students and of paths grows
released          beside the released code's way: every sequence padded to 768 tokens, logits of every position

Each side runs in a process of its own, all sides in turns; the first step of each is not counted. Figures are medians
over rounds, ratios are taken within a round. TRL is installed into .venv-trl (or runs on the Python that
QRD_BENCH_TRL names). All in float32 on the CPU with embedded models. Results are printed and kept in results/.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import measuring
import psutil
import workload
from environments import trl_python
from measuring import Asked, Run

SIDES = Path(__file__).parent / "sides"
SMOLLM2, GEMMA3 = "embedded:smollm2-135m", "embedded:gemma3-270m"
SFT = ("--objective", "sft")
SETTING = (
    "LoRA r=32 on all linear layers, batch 8, float32, completion-only loss, paths of prompt 40-120 and completion "
    "40-250 tokens"
)
AT_EIGHT_BYTES = 22 * 10**9  # what the released code's way takes at a batch of 8, and a little more
Side = Callable[[int], Run]


def counted(lines: Sequence[dict[str, float]], peak_mib: float) -> Run:
    """All steps but the first."""
    return Run(sum(int(x["tokens"]) for x in lines[1:]), sum(x["seconds"] for x in lines[1:]), peak_mib)


def script(name: str, folder: Path, *arguments: object, python: str = sys.executable) -> Run:
    command = [python, str(SIDES / name), *map(str, arguments)]
    output, peak_mib = measuring.run_child(command, folder / "log.txt")
    return counted([json.loads(line) for line in output.splitlines()], peak_mib)


def qrd(folder: Path, paths: Path, students: Sequence[str], steps: int, seed: int, options: Sequence[str]) -> Run:
    """`qrd train` as a user starts it, read off its metrics.jsonl."""
    with tempfile.TemporaryDirectory(dir=folder) as run:
        named = [word for student in students for word in ("--student", student)]
        command = [sys.executable, "-m", "qrd", "train", str(paths), "-o", f"{run}/run", *named, "--prompt", "style",
                   "--dtype", "float32", "--max-steps", str(steps + 1), "--save-steps", "1000000", "--quiet",
                   "--seed", str(seed), *options]  # fmt: skip
        _, peak_mib = measuring.run_child(command, folder / "log.txt")
        lines = [json.loads(line) for line in Path(run, "run", "metrics.jsonl").read_text().splitlines()]
    return counted(lines, peak_mib)


def beside_trl(name: str, model: str, asked: Asked) -> None:
    python = trl_python()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = workload.draw_rows(model)
        paths = workload.write_rows(rows, folder / "paths.jsonl")
        tokens = workload.write_tokens(rows, model, folder / "tokens.json")

        def trl(*modes: str) -> Side:
            return lambda seed: script("trl_sft.py", folder, tokens, asked.steps + 1, seed, *modes, python=python)

        sides = {
            "qrd": lambda seed: qrd(folder, paths, [model], asked.steps, seed, SFT),
            "TRL as it comes": trl(),
            "TRL grouped by length": trl("grouped"),
        }
        found = measuring.in_turns(name, sides, asked)
    facts = {"model": model, "setting": SETTING, "steps": asked.steps, "ratios": measuring.ratios(found, "qrd")}
    measuring.write_results(name, facts, found)


def beside_released(asked: Asked) -> None:
    """At its batch of 8 where there is the memory; else at 2 and 4, and a straight line through them for 8's memory."""
    batches = (8,) if psutil.virtual_memory().available > AT_EIGHT_BYTES else (2, 4)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = workload.draw_rows(SMOLLM2)
        paths = workload.write_rows(rows, folder / "paths.jsonl")
        tokens = workload.write_tokens(rows, SMOLLM2, folder / "tokens.json")
        sides: dict[str, Side] = {"qrd": lambda seed: qrd(folder, paths, [SMOLLM2], asked.steps, seed, SFT)}
        for batch in batches:
            sides[f"batch {batch}"] = partial(released, folder, tokens, asked.steps, batch)
        found = measuring.in_turns("released", sides, asked)
    facts = {"model": SMOLLM2, "setting": SETTING, "steps": asked.steps, "ratios": measuring.ratios(found, "qrd")}
    if batches != (8,):
        two, four, ours = ([run.peak_mib for run in found[side]] for side in ("batch 2", "batch 4", "qrd"))
        at_eight = [b + 2 * (b - a) for a, b in zip(two, four, strict=True)]
        facts["peak_mib_at_batch_8"] = round(statistics.median(at_eight))
        facts["memory_ratio_at_batch_8"] = round(
            statistics.median(a / b for a, b in zip(ours, at_eight, strict=True)), 2
        )
    measuring.write_results("released", facts, found)


def released(folder: Path, tokens: Path, steps: int, batch: int, seed: int) -> Run:
    return script("released.py", folder, tokens, steps + 1, seed, batch)


def joint(asked: Asked) -> None:
    """The same windows on each side, and so the same paths; then the encoder's share of the joint epoch.

    The epoch's time is that of the steps that were measured, times the windows of an epoch.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        paths = workload.write_rows(workload.draw_rows(SMOLLM2), folder / "paths.jsonl")
        both = [SMOLLM2, GEMMA3]
        sides = {
            "jointly, exclusive": lambda seed: qrd(folder, paths, both, asked.steps, seed, ["--routing", "exclusive"]),
            "smollm2, all paths": lambda seed: qrd(folder, paths, [SMOLLM2], asked.steps, seed, SFT),
            "gemma3, all paths": lambda seed: qrd(folder, paths, [GEMMA3], asked.steps, seed, SFT),
        }
        found = measuring.in_turns("joint", sides, asked)
        first, cached = zip(*(encode_twice(folder, paths) for _ in range(3)), strict=True)
    together, *apart = found.values()
    shares = [run.seconds / sum(each[at].seconds for each in apart) for at, run in enumerate(together)]
    epoch_s = statistics.median(run.seconds for run in together) / asked.steps * workload.NUM_PATHS / 8
    encoding = {"first": statistics.median(first), "cached": statistics.median(cached)}
    measuring.write_results("joint", {
        "models": both, "setting": SETTING, "steps": asked.steps,
        "share_of_wall_time": round(statistics.median(shares), 3),
        "epoch_s": round(epoch_s, 1), "encoding_s": {name: round(s, 3) for name, s in encoding.items()},
        "encoding_share_of_epoch": {name: round(s / epoch_s, 4) for name, s in encoding.items()},
    }, found)  # fmt: skip


def encode_twice(folder: Path, paths: Path) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        output, _ = measuring.run_child(
            [sys.executable, str(SIDES / "encoding.py"), str(paths)], folder / "log.txt", {"QRD_CACHE": cache}
        )
    first, cached = json.loads(output)
    return first, cached


def scaling(asked: Asked) -> None:
    """Seconds of one step on the k paths of one question: exclusive routing, then every path to every student."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = workload.draw_rows(SMOLLM2, number=12, prompt=(40, 40), completion=(40, 40))
        paths = workload.write_rows(rows, folder / "paths.jsonl")
        for num_students in (1, 2, 3, 4):
            named = [str(paths), SMOLLM2, str(num_students), str(asked.rounds)]
            output, _ = measuring.run_child([sys.executable, str(SIDES / "scaling.py"), *named], folder / "log.txt")
            table[f"S={num_students}"] = json.loads(output)
            print(f"  S={num_students}: {output}", end="", flush=True)
    measuring.write_results("scaling", {"model": SMOLLM2, "tokens_of_a_path": 80, "step_s": table}, {})


COMPARISONS: dict[str, Callable[[Asked], None]] = {
    "smollm2": partial(beside_trl, "smollm2", SMOLLM2),
    "joint": joint,
    "scaling": scaling,
    "released": beside_released,
    "gemma3": partial(beside_trl, "gemma3", GEMMA3),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("comparison", nargs="*", choices=[[], *COMPARISONS], help="default: all")
    parser.add_argument("--steps", type=int, default=3, help="optimizer steps of a run that count; the first does not")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--add", action="store_true", help="keep the rounds that are in results/")
    given = parser.parse_args()
    for name in given.comparison or COMPARISONS:
        print(f"{name}:", flush=True)
        COMPARISONS[name](Asked(given.steps, given.rounds, given.add))


if __name__ == "__main__":
    main()
