"""README.md of an exported folder: what a row holds, how many there are of what, and how they came to be.

Names of models and styles come from rows, so they are set as code that Markdown does not read; folders of this machine
are left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as File
from pathlib import PurePath
from typing import Any

from qrd import __version__
from qrd.config import DataExportConfig
from qrd.console import clean
from qrd.exports.lineage import Step
from qrd.exports.trainers import KEPT, settings, takes_turns
from qrd.masking import masked
from qrd.models.names import FOLDER, KINDS
from qrd.rows.manifest import sha256_of
from qrd.rows.records import Path

# Options that say where, how fast or how loudly a step ran, not what it did.
UNSHOWN = frozenset(
    (
        "input",
        "output",
        "rejects",
        "summary",
        "resume",
        "quiet",
        "debug",
        "skip_bad",
        "concurrency",
        "rpm",
        "tpm",
        "timeout",
        "retries",
        "max_cost",
        "allow_unpriced",
        "api_base",
        "batch_size",
        "device",
        "hub",
        "public",
    )
)
COUNTED = ("teacher", "style", "task")
SHOWN_REASONS = 20
_FOLDERS = "|".join(f"{kind}:" for kind, what in KINDS.items() if what.form == FOLDER)
_LOCAL = re.compile(rf"^((?:[\w-]+=)?(?:{_FOLDERS})?)(?:[/~.\\]|[A-Za-z]:\\)")


@dataclass
class Counts:
    """What was exported, by what a card tells; `reasons` counts the paths that were not."""

    paths: int = 0
    right: int = 0
    valid: int = 0
    ids: set[str] = field(default_factory=set)
    reasons: Counter[str] = field(default_factory=Counter)
    by: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in COUNTED})

    def add(self, path: Path) -> None:
        """Count one path."""
        self.paths += 1
        self.right += path.correct is True
        self.valid += path.verdict == "valid"
        self.ids.add(path.id)
        for name, counter in self.by.items():
            counter[getattr(path, name)] += 1


def text(config: DataExportConfig, file: File, counts: Counts, steps: Sequence[Step]) -> str:
    """The card of the folder that holds `file`; `steps` are those behind it, the first of them first."""
    trainer, sha256 = config.for_ or "", sha256_of(file)
    parts = [
        f"---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: {file.name}\n"
        "task_categories:\n- text-generation\ntags:\n- synthetic\n- reasoning\n- distillation\n- qrd\n---",
        f"# {code(config.hub or file.absolute().parent.name)}",
        f"{counts.paths} replies of a teacher to {len(counts.ids)} questions, for supervised fine-tuning. "
        f"Exported by qrd {__version__} for {trainer}.",
        f"Of the replies, {counts.right} give the gold answer and {counts.valid} were judged valid.",
        "## Rows",
        _fields(trainer, config),
        f"```\n{settings(trainer, config.form, file.name)}\n```",
        "## Counts",
        *(_table((kind, "replies"), counter.most_common()) for kind, counter in counts.by.items()),
        "## How it came to be",
        *(_step(step) for step in steps),
        f"**Exported** as `{file.name}`, SHA-256 `{sha256}`. {_left_out(counts.reasons)}",
        "The terms of the data sets and of the teacher hold for what was made with them; no licence is claimed here.",
    ]
    return "\n\n".join(parts) + "\n"


def code(value: Any) -> str:
    """A value as code of one line that no Markdown, HTML or table can break out of."""
    shown = " ".join(clean(masked(_without_folders(value))).split()).replace("`", "'").replace("|", "¦")
    return f"`{shown[:200]}`" if shown else "` `"


def _without_folders(value: Any) -> str:
    """The value as text; of a place on this machine only the last name."""
    if isinstance(value, (list, tuple)):
        return ", ".join(_without_folders(item) for item in value)
    local = _LOCAL.match(str(value))
    return f"{local[1]}{PurePath(str(value).replace(chr(92), '/')).name}" if local else str(value)


def _fields(trainer: str, config: DataExportConfig) -> str:
    kind = "a list of `role` and `content`" if takes_turns(trainer, config.form) else "text"
    asked = "the question as a student is asked it" if config.prompt == "plain" else "the prompt the teacher was sent"
    names = {"prompt": asked, "completion": "the reply"}
    if config.form == "messages":
        names = {"messages": f"{asked}, then the reply"}
    told = [f"- `{name}`: {what} ({kind})" for name, what in names.items()]
    return "\n".join([*told, f"- {', '.join(f'`{name}`' for name in KEPT)}: where the reply comes from"])


def _table(head: Iterable[str], rows: Iterable[tuple[str, int]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|---|---:|", *(f"| {code(name)} | {number} |" for name, number in rows)]
    return "\n".join(lines)


def _step(step: Step) -> str:
    name, made = code(PurePath(step.file).name), step.made
    if made is None:
        return f"- {name}, SHA-256 {code(step.sha256)}: no manifest tells how it was made"
    chosen = {key: value for key, value in made.config.items() if key not in UNSHOWN and value not in (False, "", [])}
    told = ", ".join(f"{key} {code(value)}" for key, value in chosen.items() if not isinstance(value, dict))
    cost = f", {made.cost_usd:.4f} US dollars" if made.cost_usd else ""
    made_of = f"({made.rows_in} rows in, {made.rows_out} out{cost})"
    parts = [f"- {code('qrd ' + made.command)} made {name} {made_of}, SHA-256 {code(step.sha256)}."]
    parts += [_left_out(made.reasons), f"Settings: {told}." if told else ""]
    return " ".join(part for part in parts if part)


def _left_out(reasons: Mapping[str, int]) -> str:
    counted = [(reason, number) for reason, number in reasons.items() if number][:SHOWN_REASONS]
    return "Left out: " + ", ".join(f"{number} {code(reason)}" for reason, number in counted) + "." if counted else ""
