"""The door of judge: everything is opened, asked, settled and closed in one place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from qrd.backends import Reply
from qrd.config import JudgeConfig
from qrd.console import Console, Progress
from qrd.evaluation.agreement import Agreement, likeness
from qrd.rows.reader import Reader, Row
from qrd.rows.records import BY_RULE, Fields, Path
from qrd.rows.writer import Writer
from qrd.stages import Tally, selecting
from qrd.stages.asking import Asking, AskingTally, cost_usd, failed_row, refuse_mixture
from qrd.stages.judge.against import Contest, KnownLabels
from qrd.stages.judge.attacks import empty_reasoning
from qrd.stages.judge.bench import Bench, Case, key_of, path_of, rubric_of
from qrd.stages.judge.canaries import Canaries, canaries_of
from qrd.stages.judge.counts import VerdictCounts, check_gate, told
from qrd.stages.judge.rules import judge_hashes, majority
from qrd.stages.judge.votes import Votes, content_of

WINDOW_OF_FILE, WINDOW_OF_STREAM = 8192, 256
CHECK_OF_STREAM = 2048  # canaries are judged again after so many paths where their number is not known
DECISIVE_KNOBS = ("judge", "votes", "rubric", "threshold", "schema", "all", "against")


def run(config: JudgeConfig, console: Console) -> Tally:
    """Judge what is not judged yet; the counts of this run.

    Raises: DataError before any call where input files are damaged; GateError where too many verdicts are unreadable.
    """
    rubric = rubric_of(config)
    contest = Contest(KnownLabels(config.against), config.judge) if config.against else None
    reader = Reader(config.input, Path, unique="path_id", skip_bad=config.skip_bad, needs_rows=True)
    total = reader.scan(selecting.selected(reader, config))
    asked = Asking("judge", config, console, reader, config.judge)
    bench = Bench(config, rubric, asked)
    count, how = VerdictCounts(Agreement(), contest), judge_hashes(config, rubric, contest)
    canaries, votes = canaries_of(config, bench, console, how), Votes(config, how)
    with Writer(config.output, resume=config.resume) as writer:
        done = _judged_before(writer, config, asked.tally, count, how)
        votes.load(done)
        asked.tally.cost_usd += votes.cost_usd

        def close(is_over: bool) -> None:
            bench.close()
            votes.close(is_over=is_over)

        def costs() -> dict[str, float]:
            return _costs(writer, config)

        with asked.begun(writer, costs, told=lambda: _facts(bench, count), close=close):
            with asked.progress(total) as progress:
                clerk = Clerk(writer, asked.tally, count, progress, how[0], canaries, votes)
                _judge_all(_warned_of(selecting.selected(reader, config), config, console), done, bench, clerk, total)
            asked.settle(costs)
    selecting.report_bad(reader, console)
    _tell(count, config, console)
    return asked.tally


def _facts(bench: Bench, count: VerdictCounts) -> Fields:
    """What the manifest tells of a run of judge."""
    rubric, agreement = bench.rubric, told(count.agreement)
    return {"verdicts": count.verdicts, "rubric": {rubric.id: rubric.version}, "agreement": agreement}


def _tell(count: VerdictCounts, config: JudgeConfig, console: Console) -> None:
    """Say how judges agree and do. Raises: ConfigError as `Contest.show`; GateError as `check_gate`."""
    if (alpha := count.agreement.alpha()) is not None:
        num_paths = count.agreement.num_paths
        console.say(f"agreement of the verdicts: Krippendorff's alpha {alpha:.2f} over {num_paths} paths")
    if count.contest is not None:
        count.contest.show(console, config.summary)
    check_gate(count, config, console)


def _warned_of(rows: Iterator[Row[Path]], config: JudgeConfig, console: Console) -> Iterator[Row[Path]]:
    """The rows as they are; a judge that may favour a teacher is named when the first path of that teacher comes."""
    teachers: set[str] = set()
    for row in rows:
        teacher = row.record.teacher
        if teacher not in teachers:
            teachers.add(teacher)
            for reason in filter(None, (likeness(judge, teacher) for judge in config.judge)):
                console.say(f"warning: {reason}; it may favour paths of its own kind")
        yield row


@dataclass
class Clerk:
    """The clerk of the bench, who writes down settled paths and counts them."""

    writer: Writer
    tally: AskingTally
    count: VerdictCounts
    progress: Progress
    judge_hash: str
    canaries: Canaries | None
    votes: Votes

    def write(self, fields: Fields) -> None:
        """Write one judged path and count it."""
        self.count.add(fields)
        self.writer.write({**fields, "judge_hash": self.judge_hash})
        self.votes.settle(fields["path_id"])
        self.progress.advance(done=1)


def _judged_before(
    writer: Writer, config: JudgeConfig, tally: AskingTally, count: VerdictCounts, wanted: Sequence[str]
) -> dict[str, str]:
    """path_id to content hash of the rows that the output holds.

    Raises: ConfigError where they were judged in another way.
    """
    done = {}
    for _, fields in writer.kept():
        tally.num_kept += 1
        for usage in fields.get("judge_usage") or ():
            tally.add_usage({"usage": usage})
        if fields.get("judge_hash") not in wanted:
            what = f"the text of the rubric {config.rubric}, or the endpoint that a variable names"
            refuse_mixture(config.output, config, what, DECISIVE_KNOBS)
        count.add(fields)
        done[str(fields.get("path_id"))] = content_of(fields)
    return done


def _costs(writer: Writer, config: JudgeConfig) -> dict[str, float]:
    """What each vote on the paths in the output has cost: an equal share of what its judge's on that path have."""
    costs: dict[str, float] = {}
    for _, fields in writer.kept():
        usages = [usage for usage in fields.get("judge_usage") or () if isinstance(usage, dict)]
        for number, model in enumerate(config.judge):
            share = cost_usd(usage for usage in usages if usage.get("judge", model) == model) / config.votes
            path_id = str(fields.get("path_id"))
            costs.update((key_of(path_id, number, vote), share) for vote in range(config.votes))
    return costs


def _judge_all(rows: Iterator[Row[Path]], done: dict[str, str], bench: Bench, clerk: Clerk, total: int | None) -> None:
    """Judge all rows, a window at a time; canaries go before the first, at half of them and behind the last."""
    size = WINDOW_OF_STREAM if bench.config.input == ("-",) else WINDOW_OF_FILE
    canaries, num_read, next_check = clerk.canaries, 0, CHECK_OF_STREAM if total is None else -(-total // 2)
    while not bench.asking.stopping.is_set():
        room = next_check - num_read if canaries and next_check > num_read else size
        window = list(islice(rows, min(size, room)))
        if not window:
            break
        num_read += len(window)
        cases = {row.record.path_id: Case(row) for row in window if _is_open(row, done, bench, clerk)}
        if cases:
            _judge(cases, bench, clerk)
        if canaries and num_read == next_check:
            next_check += CHECK_OF_STREAM if total is None else total
            if canaries.num_since and (total is None or num_read < total):
                canaries.check("middle")
    if canaries and not bench.asking.stopping.is_set():
        canaries.end()


def _is_open(row: Row[Path], done: dict[str, str], bench: Bench, clerk: Clerk) -> bool:
    """Whether the judges have to be asked; all other paths are settled here."""
    before = done.get(row.record.path_id)
    if before is not None:
        if before != content_of(row.fields):
            refuse_mixture(clerk.writer.name, bench.config, f"the reply or the gold answer of {row.record.path_id}")
        clerk.progress.advance(done=1, kept=1)
    elif not clerk.count.is_wanted(row, bench.config):
        clerk.write(_judged(row, [], None))
    elif reason := empty_reasoning(row.record):
        verdict = {"judge": BY_RULE, "verdict": "invalid", "reason": reason, "raw": None}
        clerk.write(_judged(row, [verdict], "invalid"))
    else:
        return True
    return False


def _judge(cases: dict[str, Case], bench: Bench, clerk: Clerk) -> None:
    """Ask all judges about all cases; each path is written once its last verdict is in."""
    if clerk.canaries:
        clerk.canaries.begin()
        clerk.canaries.num_since += len(cases)
    for case in cases.values():
        clerk.votes.give(case)
        _decide(case, bench, clerk)
    with closing(bench.replies(cases)) as replies:
        for model, key, reply in replies:
            _settle(cases[path_of(key)], model, key, reply, bench, clerk)


def _settle(case: Case, model: str, key: str, reply: Reply, bench: Bench, clerk: Clerk) -> None:
    """Take one reply; write the path once its last verdict is in."""
    clerk.progress.advance(tokens=reply.usage.completion_tokens or 0, cost_usd=reply.usage.cost_usd or 0.0)
    clerk.tally.cost_usd += reply.usage.cost_usd or 0.0
    if reply.error is not None:
        path = case.row.record
        identity = {"id": path.id, "path_id": path.path_id, "judge": model}
        clerk.tally.failed.append(failed_row(identity, reply))
        clerk.progress.advance(failed=1)
        return
    case.take(model, key, reply)
    if not _decide(case, bench, clerk):
        clerk.votes.note(case, key)


def _decide(case: Case, bench: Bench, clerk: Clerk) -> bool:
    """Whether all verdicts on a path are in; it is written then."""
    if len(case.verdicts) < len(bench.config.judge) * bench.config.votes:
        return False
    verdicts = [case.verdicts[name] for name in sorted(case.verdicts)]
    final = majority((item["verdict"] for item in verdicts), len(verdicts))
    clerk.write({**_judged(case.row, verdicts, final), "judge_usage": case.usage})
    return True


def _judged(row: Row[Path], verdicts: list[Fields], verdict: str | None) -> Fields:
    """The fields of a judged path, with the mean score where all judges gave one; what was said before is gone."""
    fields = {name: value for name, value in row.fields.items() if name not in ("judge_score", "judge_usage")}
    scores = [item.get("score") for item in verdicts]
    if scores and None not in scores:
        fields["judge_score"] = sum(filter(None, scores)) / len(scores)
    return {**fields, "verdicts": verdicts, "verdict": verdict}
