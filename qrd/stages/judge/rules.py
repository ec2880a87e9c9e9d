"""The rules of judging: which paths are judged, when two verdicts agree, when they are one work."""

from __future__ import annotations

from collections.abc import Iterable

from qrd.backends import base_of
from qrd.config import JudgeConfig
from qrd.prompts import Rubric
from qrd.rows import fingerprints
from qrd.rows.records import Path, digest
from qrd.stages.judge.against import Contest
from qrd.stages.judge.bench import takes_json


def judge_hashes(config: JudgeConfig, rubric: Rubric, contest: Contest | None = None) -> tuple[str, str]:
    """A hash of everything but the path that decides its verdict, and the one of before models were known by their
    files."""
    bases = [base_of(model, config.api_base) for model in config.judge]
    shared = bases[0] if len(set(bases)) == 1 else bases
    drawn = [config.temperature, config.top_p, config.max_tokens, config.seed, shared]
    form = [rubric.form, rubric.threshold, [takes_json(config, model) for model in config.judge]]
    chosen = contest.labels.hash if contest else config.all
    named = ([fingerprints.identity(model) for model in config.judge], list(config.judge))
    now, before = (digest([judges, config.votes, rubric.instruction, form, chosen, drawn]) for judges in named)
    return now, before


def is_judged(path: Path, *, all_paths: bool) -> bool:
    """Whether a path goes before the judges: its reply is whole, and right or of unknown correctness (or all_paths)."""
    if not (path.response or "").strip() or path.finish_reason in ("length", "content_filter"):
        return False
    return all_paths or path.correct is not False


def majority(verdicts: Iterable[str], num_votes: int) -> str:
    """`valid` or `invalid` where more than half of the votes *asked for* say so, else `unscored`."""
    said = list(verdicts)
    for verdict in ("valid", "invalid"):
        if 2 * said.count(verdict) > num_votes:
            return verdict
    return "unscored"
