"""demo: the whole pipeline, offline, in about five minutes on two idle cores.

Reads:   nothing.
Does:    makes questions, then runs generate, judge, filter, train, eval and report on models from the package index,
         with their ordinary code and options; runs them again from where they stopped when it was interrupted.
Writes:  every file of the pipeline below OUTPUT, report.html among them; one table of what came out.
Never:   shows a result that the stages did not give.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import msgspec

from qrd.config import DemoConfig, EvalConfig, FilterConfig, GenerateConfig, JudgeConfig, ReportConfig, TrainConfig
from qrd.console import Console
from qrd.models import embedded, names
from qrd.rows.companions import MANIFEST
from qrd.rows.disk import refuse_file, write_whole
from qrd.rows.lines import encode
from qrd.rows.records import Fields
from qrd.stages import Run, Tally

TEACHER = JUDGE = "embedded:smollm2-135m"
STUDENTS = ("embedded:smollm2-135m", "embedded:gemma3-270m")
ENCODER = "embedded:minilm-l6"
NUM_QUESTIONS, NUM_TEST_QUESTIONS = 32, 32

# Comparing two small numbers: what a teacher of 135 million parameters gets right often enough to teach.
TEMPLATES = (
    "{one} has {a} {things} and {other} has {b} {things}. Does {one} have more {things} than {other}?",
    "{one} is {a} years old. {other} is {b} years old. Is {one} older than {other}?",
    "Is {a} greater than {b}?",
    "{one} walks {a} miles and {other} walks {b} miles. Does {one} walk farther?",
)
NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn")
THINGS = ("apples", "coins", "shells", "books", "stamps", "marbles")


@dataclass(frozen=True)
class Files:
    """Where the demo puts things."""

    folder: File

    def __getattr__(self, name: str) -> str:
        return str(self.folder / f"{name}.jsonl")

    @property
    def run(self) -> str:
        """The run folder of train."""
        return str(self.folder / "run")

    @property
    def report(self) -> str:
        """The page about all of it."""
        return str(self.folder / "report.html")

    @property
    def summary(self) -> str:
        """The table of eval as JSON."""
        return str(self.folder / "summary.json")


def run(config: DemoConfig, console: Console) -> Tally:
    """Run every stage; the counts of the last.

    Raises: ConfigError where an embedded model is not installed or the output is a file, before anything is run.
    """
    refuse_file(File(config.output))
    for model in dict.fromkeys((TEACHER, JUDGE, *STUDENTS, ENCODER)):
        if embedded.state_of(model) == "ready":  # converting it tells this too
            console.say(embedded.described(model).notice)
        embedded.folder_of(model)
    files = Files(File(config.output))
    _write_questions(files, config.seed)
    tally = Tally()
    for title, stage, stage_config in stages(files, config):
        console.say(f"\n== {title}")
        tally = stage(stage_config, console)
    _report(files, config)
    _show(files, console)
    return tally


def stages(files: Files, config: DemoConfig) -> Iterator[tuple[str, Run[Any], Any]]:
    """(title, run, configuration) of each stage, in order; each module is imported when its turn comes."""
    yield from _stages_of_paths(files, {"seed": config.seed, "quiet": config.quiet})
    yield from _stages_of_students(files, {"seed": config.seed, "quiet": config.quiet})


def _stages_of_paths(files: Files, shared: Fields) -> Iterator[tuple[str, Run[Any], Any]]:
    from qrd.stages import generate
    from qrd.stages.judge import run as judge

    asked = GenerateConfig(
        input=(files.questions,), output=files.paths, teacher=(TEACHER,), max_tokens=64, batch_size=32, **shared
    )
    yield "generate: the teacher answers in six styles", generate.run, asked
    judged = JudgeConfig(
        input=(files.paths,),
        output=files.judged,
        judge=(JUDGE,),
        rubric="brief",
        max_tokens=24,
        batch_size=8,
        **shared,
    )
    yield "judge: is the reasoning of the right paths sound?", judge.run, judged
    from qrd.stages.filter import run as filtering

    kept = FilterConfig(
        input=(files.judged,),
        output=files.kept,
        rejects=files.rejects,
        summary=str(files.folder / "filter.json"),
        decontaminate=(files.test,),
        quiet=shared["quiet"],
    )
    yield "filter: right, whole and sound paths are kept", filtering.run, kept


def _stages_of_students(files: Files, shared: Fields) -> Iterator[tuple[str, Run[Any], Any]]:
    from qrd.stages.eval import run as evaluating
    from qrd.stages.train import run as train

    fitted = TrainConfig(
        input=(files.kept,), output=files.run, student=STUDENTS, num_train_epochs=3.0, max_length=512, **shared
    )
    yield "train: two students of two families learn together", train.run, fitted
    scored = EvalConfig(
        input=(files.test,),
        output=files.predictions,
        run=files.run,
        summary=files.summary,
        max_tokens=48,
        batch_size=32,
        **shared,
    )
    yield "eval: students, untrained bases and the ensemble on new questions", evaluating.run, scored


def questions(seed: int, split: str, count: int) -> list[Fields]:
    """Comparisons of two numbers from 1 to 20, half of them true; the two splits share no pair of numbers."""
    pairs = [(a, b) for a in range(2, 21) for b in range(1, a)]
    random.Random(seed).shuffle(pairs)
    draw = random.Random(f"{seed}-{split}")
    found = []
    for number, (high, low) in enumerate((pairs[::2] if split == "train" else pairs[1::2])[:count]):
        is_true = number % 2 == 0
        a, b = (high, low) if is_true else (low, high)
        one, other = draw.sample(NAMES, 2)
        text = draw.choice(TEMPLATES).format(one=one, other=other, a=a, b=b, things=draw.choice(THINGS))
        answer = "yes" if is_true else "no"
        found.append({"id": f"demo-{split}-{number:03}", "task": "boolean", "question": text, "answer": answer})
    return found


def _write_questions(files: Files, seed: int) -> None:
    for file, split, count in ((files.questions, "train", NUM_QUESTIONS), (files.test, "test", NUM_TEST_QUESTIONS)):
        write_whole(File(file), b"".join(encode(row) for row in questions(seed, split, count)))


def _report(files: Files, config: DemoConfig) -> None:
    """Write the page about all of it, without a word: what it leads to stands in the last line."""
    from qrd.stages import report

    told = ReportConfig(input=(files.run, files.predictions), output=files.report, seed=config.seed, quiet=True)
    report.run(told, Console(quiet=True))


def _show(files: Files, console: Console) -> None:
    """The one table: paths generated and kept, why the others fell, and the accuracy of every model."""
    counts = _json(files.folder / "filter.json")["paths"]
    rows = [("paths generated", f"{sum(counts.values())}"), *((f"paths {why}", f"{n}") for why, n in counts.items())]
    for model, scores in _json(File(files.summary))["models"].items():
        low, high = (100 * bound for bound in scores["interval"])
        label = f"{model} (teacher, judge)" if model == names.base_name("smollm2-135m") else model
        rows.append((label, f"{100 * scores['accuracy']:.1f} % [{low:.1f}, {high:.1f}]"))
    console.table("What came of it: paths, and accuracy on new questions with its 95 % interval", ("", ""), rows)
    made = set(files.folder.glob("[!.]*"))
    made -= {MANIFEST.of(file) for file in made}
    console.say(f"Everything is in {files.folder}: {', '.join(sorted(file.name for file in made))}")
    console.say(f"To look at it all, open {files.report} in a browser; qrd inspect {files.judged} shows the paths")


def _json(file: File) -> Any:
    return msgspec.json.decode(file.read_bytes())
