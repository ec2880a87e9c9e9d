"""A folder as the stages leave it: paths, kept and rejected, run folders with logs, predictions, all with manifests.

Drawn from a seed, of any size. `mark` is put into every text that comes from outside, to see where it turns up.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

import msgspec
import tomli_w

from qrd.rows.manifest import sha256_of

STYLES = ("vanilla", "cot", "tot", "program", "backward", "facts")
STUDENTS = {"small": "hf:small", "large": "hf:large"}
JUDGES = ("judge/one", "judge/two")


@dataclass
class World:
    """Where the files are, and the rows that are in them."""

    folder: Path
    mark: str = ""
    num_questions: int = 12
    num_tests: int = 20
    teachers: tuple[str, ...] = ("teacher/a", "teacher/b")
    num_epochs: int = 4
    words: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.folder.mkdir(parents=True, exist_ok=True)

    def text(self, words: str) -> str:
        return words + self.mark

    def rows(self, name: str, rows: list[dict]) -> Path:
        file = self.folder / name
        file.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        return file

    def manifest(self, output: Path, command: str, inputs: list[Path], config: dict, **facts) -> None:
        """What the stage would have written beside its output."""
        given = [{"file": str(f), "sha256": sha256_of(f), "manifest_sha256": None} for f in inputs]
        config = {"input": [str(f) for f in inputs], "output": str(output), **config}
        whole = {
            "qrd": "0.1.0", "command": command, "config": config, "seed": 0, "inputs": given,
            "output": {"file": output.name, "sha256": sha256_of(output)}, "reasons": {}, "seconds": 12.5,
            "cost_usd": 0.25, "finished": True, **facts,
        }  # fmt: skip
        place = output / "manifest.json" if output.is_dir() else Path(f"{output}.manifest.json")
        place.write_text(json.dumps(whole), encoding="utf-8")

    def question(self, split: str, number: int) -> dict:
        return {
            "id": self.text(f"{split}-{number}"), "task": "choice", "question": self.text(f"Which, {number}?"),
            "answer": "A", "choices": [self.text("this"), self.text("that")], "context": self.text("A table."),
            "meta": {"difficulty": self.text(("easy", "hard")[number % 2]), "dataset": self.text(f"set{number % 2}")},
        }  # fmt: skip

    def paths(self) -> list[dict]:
        found = []
        for number in range(self.num_questions):
            for teacher in self.teachers:
                found += [self.path(number, teacher, style) for style in STYLES]
        return found

    def path(self, number: int, teacher: str, style: str) -> dict:
        draw = self.random
        correct, cut = draw.random() < 0.7, draw.random() < 0.1
        words = " ".join(draw.choice(("so", "then", "because", "add", "it")) for _ in range(self.words))
        row = self.question("train", number) | {
            "path_id": self.text(f"p-{number}-{teacher}-{style}"), "teacher": self.text(teacher),
            "style": self.text(style), "sample": 0, "response": self.text(words),
            "finish_reason": "length" if cut else "stop",
            "prediction": None if draw.random() < 0.05 else self.text("A" if correct else "B"), "correct": correct,
            "usage": {"prompt_tokens": 100, "completion_tokens": self.words, "cost_usd": 0.001},
        }  # fmt: skip
        said = [draw.choice(("valid", "valid", "valid", "invalid")) for _ in JUDGES] if correct and not cut else []
        verdict = (said[0] if len(set(said)) == 1 else "unscored") if said else None
        verdicts = [
            {"judge": self.text(judge), "verdict": word, "reason": self.text("it follows"), "raw": self.text("raw")}
            for judge, word in zip(JUDGES, said)
        ]
        return row | {"verdicts": verdicts, "verdict": verdict}

    def write_paths(self) -> tuple[Path, Path, Path, list[dict]]:
        """judged.jsonl, kept.jsonl and rejects.jsonl, with manifests; and the rows that were kept."""
        rows = self.paths()
        kept, rejects = [], []
        for row in rows:
            reason = (
                "truncated" if row["finish_reason"] == "length"
                else "no_answer" if row["prediction"] is None
                else "wrong_answer" if not row["correct"]
                else None if row["verdict"] == "valid" else row["verdict"]
            )  # fmt: skip
            (rejects if reason else kept).append(row | ({"reject_reason": reason} if reason else {}))
        judged = self.rows("judged.jsonl", rows)
        self.manifest(
            judged, "judge", [], {"judge": list(map(self.text, JUDGES))}, rows_in=len(rows), rows_out=len(rows)
        )
        files = self.rows("kept.jsonl", kept), self.rows("rejects.jsonl", rejects)
        config = {"rejects": str(files[1])}
        self.manifest(files[0], "filter", [judged], config, rows_in=len(rows), rows_out=len(kept))
        return judged, *files, kept

    def write_run(self, name: str, kept_file: Path, kept: list[dict], **options) -> Path:
        """A run folder whose logs look like those of train."""
        run = self.folder / name
        run.mkdir()
        students = {self.text(student): self.text(model) for student, model in STUDENTS.items()}
        config = {"objective": "qr-distill", "routing": "independent", "student": list(students.values()), **options}
        (run / "config.toml").write_text(tomli_w.dumps({"train": config}), encoding="utf-8")
        steps = 10 * self.num_epochs
        self.rows(f"{name}/metrics.jsonl", [self.metrics(step, students) for step in range(1, steps + 1)])
        routing = [self.routed(epoch, row, students) for epoch in range(self.num_epochs) for row in kept]
        self.rows(f"{name}/routing.jsonl", routing)
        facts = {
            "students": students,
            "steps": steps,
            "tokens": 1000 * steps,
            "rows_in": len(kept),
            "rows_out": len(kept),
        }
        self.manifest(run, "train", [kept_file], config, **facts)
        return run

    def metrics(self, step: int, students: dict) -> dict:
        noise = self.random.gauss(0, 0.05)
        losses = {f"distill/{name}": 2.0 / step**0.3 + noise + place / 3 for place, name in enumerate(students)}
        terms = {"distill": sum(losses.values()), **losses, "entropy": 0.69 - noise / 50, "mutual": 1 / step**0.2}
        return {
            "step": step, "epoch": step / 10, "loss": terms["distill"], "terms": {**terms, "competence": 0.1 / step},
            "tokens": 1000, "student_tokens": dict.fromkeys(students, 500), "seconds": 2.0,
            "learning_rate": dict.fromkeys(students, 2e-4), "spread": dict.fromkeys(students, 0.5 + noise / 4),
        }  # fmt: skip

    def routed(self, epoch: int, row: dict, students: dict) -> dict:
        lean = (STYLES.index(row["style"].removesuffix(self.mark)) - 2.5) * epoch / 12
        chance = dict(zip(students, (0.5 + lean / 2, 0.5 - lean / 2)))
        return {
            "epoch": epoch, "path_id": row["path_id"], "id": row["id"], "style": row["style"], "probability": chance,
            "routed": [name for name, p in chance.items() if self.random.random() < p],
        }  # fmt: skip

    def write_predictions(self, name: str, run: Path | None, skill: float = 0.7) -> Path:
        """Answers of both students, their bases and an ensemble."""
        rows = []
        models = {**{f"base:{s}": 0.3 for s in STUDENTS}, **dict.fromkeys(STUDENTS, skill), "ensemble:vote": skill}
        for number in range(self.num_tests):
            for model, chance in models.items():
                correct = self.random.random() < chance
                prefix, colon, plain = model.rpartition(":")
                named = self.text(model) if prefix == "ensemble" else prefix + colon + self.text(plain)
                rows.append(
                    self.question("test", number) | {
                        "model": named, "sample": 0, "response": self.text(f"{model} says {correct}."),
                        "finish_reason": "stop",
                        "prediction": self.text("A" if correct else "B"), "correct": correct, "logprob": -1.0,
                        "usage": {"prompt_tokens": 50, "completion_tokens": 5, "cost_usd": None},
                    }
                )  # fmt: skip
        file = self.rows(name, rows)
        told = {"folder": str(run), "manifest_sha256": sha256_of(run / "manifest.json")} if run else None
        stamp = {"checked": False, "problems": [self.text("nobody checked")]}
        self.manifest(file, "eval", [], {"run": str(run)}, rows_in=self.num_tests, rows_out=len(rows), run=told,
                      contamination=stamp)  # fmt: skip
        return file


def whole(folder: Path, **sizes) -> tuple[World, list[str]]:
    """A world with one run, and the inputs of a report on it."""
    world = World(folder, **sizes)
    _, kept_file, _, kept = world.write_paths()
    run = world.write_run("run", kept_file, kept)
    predictions = world.write_predictions("predictions.jsonl", run)
    return world, [str(run), str(predictions)]
