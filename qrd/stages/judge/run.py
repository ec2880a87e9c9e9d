"""The door of judge: everything is opened, asked, settled and closed in one place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from qrd.backends import Reply, Stopping
from qrd.config import JudgeConfig
from qrd.console import Console, Progress
from qrd.evaluation.agreement import Agreement, likeness
from qrd.rows import fingerprints
from qrd.rows.manifest import Manifest
from qrd.rows.reader import Reader, Row
from qrd.rows.records import BY_RULE, Fields, Path
from qrd.rows.writer import Writer
from qrd.stages import asking, selecting
from qrd.stages.judge.against import Contest, Labels
from qrd.stages.judge.attacks import empty_reasoning
from qrd.stages.judge.bench import Bench, Case, key_of, path_of, rubric_of
from qrd.stages.judge.canaries import Canaries, canaries_of
from qrd.stages.judge.counts import Count, check_gate, told
from qrd.stages.judge.rules import judge_hashes, majority
from qrd.stages.judge.votes import Votes, content_of
from qrd.stages.selecting import Tally

WINDOW_OF_FILE, WINDOW_OF_STREAM = 8192, 256
CHECK_OF_STREAM = 2048  # canaries are judged again after so many paths where their number is not known
DECISIVE_KNOBS = ("judge", "votes", "rubric", "threshold", "schema", "all", "against")


def run(config: JudgeConfig, console: Console) -> Tally:
    """Judge what is not judged yet; the counts of this run.

    Raises: DataError before any call where input files are damaged; GateError where too many verdicts are unreadable.
    """
    tally, bench = Tally(), Bench(config, rubric_of(config))
    contest = Contest(Labels(config.against), config.judge) if config.against else None
    reader = Reader(config.input, Path, unique="path_id", skip_bad=config.skip_bad, needs_rows=True)
    total = reader.scan(selecting.selected(reader, config))
    manifest = Manifest("judge", config, config.output, models=fingerprints.told(config.judge))
    count, how = Count(Agreement(), contest), judge_hashes(config, bench.rubric, contest)
    canaries, votes = canaries_of(config, bench, console, how), Votes(config, how)
    with Writer(config.output, resume=config.resume) as writer:
        done = _judged_before(writer, config, tally, count, how)
        votes.load(done)
        tally.cost_usd += votes.cost_usd
        manifest.begin(console.say)
        bench.budget = asking.budget_of(config, tally.cost_usd)
        asking.settle_batches(config.output, bench.budget, lambda: _costs(writer, config))
        bench.stopping = Stopping(quiet=config.quiet)
        finished = False
        try:
            shown = console.progress("judge", total, in_flight=lambda: bench.flight.num_calls)
            with bench.stopping, shown as progress:
                outcome = Outcome(writer, tally, count, progress, how[0], canaries, votes)
                _judge_all(_warned_of(selecting.selected(reader, config), config, console), done, bench, outcome, total)
            asking.settle_batches(config.output, bench.budget, lambda: _costs(writer, config))
            finished = asking.report_left(config, bench.flight, tally, console)
        finally:
            bench.close()
            votes.close(is_over=finished)
            tally.num_in, tally.num_bad = reader.num_rows, len(reader.bad)
            tally.num_out = tally.num_kept + writer.num_written
            asking.report_failures(config.output, tally.failed, console)
            manifest.finish(
                inputs=reader.sha256, rows_in=tally.num_in, rows_out=tally.num_out, finished=finished,
                reasons={"failed": len(tally.failed), "bad": tally.num_bad},
                cost_usd=asking.closed(bench.budget, tally), verdicts=count.verdicts,
                rubric={bench.rubric.id: bench.rubric.version}, agreement=told(count.agreement),
            )  # fmt: skip
    selecting.report_bad(reader, console)
    if (alpha := count.agreement.alpha()) is not None:
        num_paths = count.agreement.num_paths
        console.say(f"agreement of the verdicts: Krippendorff's alpha {alpha:.2f} over {num_paths} paths")
    if contest is not None:
        contest.show(console, config.summary)
    check_gate(count, config, console)
    return tally


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
class Outcome:
    """Where settled paths go."""

    writer: Writer
    tally: Tally
    count: Count
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
    writer: Writer, config: JudgeConfig, tally: Tally, count: Count, wanted: Sequence[str]
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
            asking.refuse_mixture(config.output, config, what, DECISIVE_KNOBS)
        count.add(fields)
        done[str(fields.get("path_id"))] = content_of(fields)
    return done


def _costs(writer: Writer, config: JudgeConfig) -> dict[str, float]:
    """What each vote on the paths in the output has cost: an equal share of what its judge's on that path have."""
    costs: dict[str, float] = {}
    for _, fields in writer.kept():
        usages = [usage for usage in fields.get("judge_usage") or () if isinstance(usage, dict)]
        for number, model in enumerate(config.judge):
            share = selecting.cost_usd(usage for usage in usages if usage.get("judge", model) == model) / config.votes
            path_id = str(fields.get("path_id"))
            costs.update((key_of(path_id, number, vote), share) for vote in range(config.votes))
    return costs


def _judge_all(
    rows: Iterator[Row[Path]], done: dict[str, str], bench: Bench, outcome: Outcome, total: int | None
) -> None:
    """Judge all rows, a window at a time; canaries go before the first, at half of them and behind the last."""
    size = WINDOW_OF_STREAM if bench.config.input == ("-",) else WINDOW_OF_FILE
    canaries, num_read, next_check = outcome.canaries, 0, CHECK_OF_STREAM if total is None else -(-total // 2)
    while not bench.stopping.is_set():
        room = next_check - num_read if canaries and next_check > num_read else size
        window = list(islice(rows, min(size, room)))
        if not window:
            break
        num_read += len(window)
        cases = {row.record.path_id: Case(row) for row in window if _is_open(row, done, bench, outcome)}
        if cases:
            _judge(cases, bench, outcome)
        if canaries and num_read == next_check:
            next_check += CHECK_OF_STREAM if total is None else total
            if canaries.num_since and (total is None or num_read < total):
                canaries.check("middle")
    if canaries and not bench.stopping.is_set():
        canaries.end()


def _is_open(row: Row[Path], done: dict[str, str], bench: Bench, outcome: Outcome) -> bool:
    """Whether the judges have to be asked; all other paths are settled here."""
    before = done.get(row.record.path_id)
    if before is not None:
        if before != content_of(row.fields):
            asking.refuse_mixture(
                outcome.writer.name, bench.config, f"the reply or the gold answer of {row.record.path_id}"
            )
        outcome.progress.advance(done=1, kept=1)
    elif not outcome.count.is_wanted(row, bench.config):
        outcome.write(_judged(row, [], None))
    elif reason := empty_reasoning(row.record):
        verdict = {"judge": BY_RULE, "verdict": "invalid", "reason": reason, "raw": None}
        outcome.write(_judged(row, [verdict], "invalid"))
    else:
        return True
    return False


def _judge(cases: dict[str, Case], bench: Bench, outcome: Outcome) -> None:
    """Ask all judges about all cases; each path is written once its last verdict is in."""
    if outcome.canaries:
        outcome.canaries.begin()
        outcome.canaries.num_since += len(cases)
    for case in cases.values():
        outcome.votes.give(case)
        _decide(case, bench, outcome)
    with closing(bench.replies(cases)) as replies:
        for model, key, reply in replies:
            _settle(cases[path_of(key)], model, key, reply, bench, outcome)


def _settle(case: Case, model: str, key: str, reply: Reply, bench: Bench, outcome: Outcome) -> None:
    """Take one reply; write the path once its last verdict is in."""
    outcome.progress.advance(tokens=reply.usage.completion_tokens or 0, cost_usd=reply.usage.cost_usd or 0.0)
    outcome.tally.cost_usd += reply.usage.cost_usd or 0.0
    if reply.error is not None:
        path = case.row.record
        identity = {"id": path.id, "path_id": path.path_id, "judge": model}
        outcome.tally.failed.append(asking.failed_row(identity, reply))
        outcome.progress.advance(failed=1)
        return
    case.take(model, key, reply)
    if not _decide(case, bench, outcome):
        outcome.votes.note(case, key)


def _decide(case: Case, bench: Bench, outcome: Outcome) -> bool:
    """Whether all verdicts on a path are in; it is written then."""
    if len(case.verdicts) < len(bench.config.judge) * bench.config.votes:
        return False
    verdicts = [case.verdicts[name] for name in sorted(case.verdicts)]
    final = majority((item["verdict"] for item in verdicts), len(verdicts))
    outcome.write({**_judged(case.row, verdicts, final), "judge_usage": case.usage})
    return True


def _judged(row: Row[Path], verdicts: list[Fields], verdict: str | None) -> Fields:
    """The fields of a judged path, with the mean score where all judges gave one; what was said before is gone."""
    fields = {name: value for name, value in row.fields.items() if name not in ("judge_score", "judge_usage")}
    scores = [item.get("score") for item in verdicts]
    if scores and None not in scores:
        fields["judge_score"] = sum(filter(None, scores)) / len(scores)
    return {**fields, "verdicts": verdicts, "verdict": verdict}
