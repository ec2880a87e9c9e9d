"""What a run of `judge` counts: verdicts, agreement, and the share that could not be read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from qrd.config import JudgeConfig
from qrd.console import Console
from qrd.errors import GateError
from qrd.evaluation.agreement import Agreement
from qrd.prompts.wrapping import is_finished
from qrd.rows.reader import Row
from qrd.rows.records import BY_RULE, Fields, Path
from qrd.stages.judge.against import Contest
from qrd.stages.judge.bench import unread_reply
from qrd.stages.judge.rules import is_judged


def told(agreement: Agreement) -> Fields:
    """What the manifest tells of the judges' agreement."""
    return {"krippendorff_alpha": agreement.alpha(), "paths": agreement.num_paths}


@dataclass
class VerdictCounts:
    """What is counted of judged paths, those of earlier runs included.

    `verdicts` are those on paths; `said` and `unread` are those of each judge, all and without a form that can be read,
    of which `unread_first` holds one.
    """

    agreement: Agreement
    contest: Contest | None
    verdicts: dict[str, int] = field(default_factory=dict)
    said: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    unread_first: dict[str, Fields] = field(default_factory=dict)

    def add(self, fields: Fields) -> None:
        """Count one path of the output."""
        verdict = fields.get("verdict") or "not judged"
        self.verdicts[verdict] = self.verdicts.get(verdict, 0) + 1
        verdicts = fields.get("verdicts") or ()
        self.agreement.add(item["verdict"] for item in verdicts)
        self.said.update(item["judge"] for item in verdicts if item["judge"] != BY_RULE)
        for item in verdicts:
            if item["verdict"] == "unscored":
                self.unread[item["judge"]] += 1
                self.unread_first.setdefault(item["judge"], item)
        if self.contest is not None:
            self.contest.add(fields)

    def is_wanted(self, row: Row[Path], config: JudgeConfig) -> bool:
        """Whether a path goes before the judges; with --against those with a label do, right or wrong."""
        if self.contest is None:
            return is_judged(row.record, all_paths=config.all)
        return self.contest.labels.of(row.fields) is not None and is_judged(row.record, all_paths=True)


def check_gate(count: VerdictCounts, config: JudgeConfig, console: Console) -> None:
    """Show the verdicts. Raises: GateError naming each judge of whose verdicts too many could not be read."""
    rows = [
        (verdict, f"{count.verdicts[verdict]:,}")
        for verdict in ("valid", "invalid", "unscored", "not judged")
        if verdict in count.verdicts
    ]
    console.table("Verdicts", ("verdict", "paths"), rows)
    told = [
        f"{judge}: {count.unread[judge]} of {number} verdicts could not be read (more than {config.max_unscored:.0%}), "
        f"such as {unread_reply(count.unread_first[judge])}"
        for judge, number in count.said.items()
        if count.unread[judge] / number > config.max_unscored
    ]
    if told:
        raise GateError(
            f"{'; '.join(told)}. They count as unscored, never as valid. {_remedy(count)}, or raise --max-unscored"
        )


def _remedy(count: VerdictCounts) -> str:
    """What would have more replies read, told by one of each judge."""
    unread = count.unread_first.values()
    if any(item.get("finish_reason") == "length" or not is_finished(item.get("raw")) for item in unread):
        return "Give the judge room with --max-tokens"
    return "Choose another judge, or --schema always where its provider takes a schema"
