"""judge: paths to judged paths.

Reads:   paths.
Does:    asks one or several judges whether the reasoning of each right path holds; takes a strict majority.
Writes:  the same paths with `verdicts` and `verdict`, as they are settled; paths that are not judged have null.
Never:   shows a judge the gold answer, or a reply without a reasoning (those are invalid before any call); counts what
         cannot be read as valid (method, departure 10); asks twice for a path that is in OUTPUT.

Source: paper, section 2.3, step 2.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from qrd import prompts
from qrd.backends import Backend, Budget, Flight, Reply, Request, Sampling, Stopping, open_backend
from qrd.config import JudgeConfig
from qrd.console import Console, Progress
from qrd.errors import GateError
from qrd.evaluation.agreement import Agreement, likeness
from qrd.jsonl import Reader, Row, Writer
from qrd.manifest import Manifest
from qrd.prompts import Rubric
from qrd.records import Fields, Path, digest
from qrd.stages import asking
from qrd.stages.asking import Tally
from qrd.stages.judge_attacks import empty_reasoning

WINDOW_OF_FILE, WINDOW_OF_STREAM = 8192, 256
DECISIVE_KNOBS = ("judge", "votes", "rubric", "all")


@dataclass
class Case:
    """A path before its judges: what was asked of whom, and the verdicts that have come."""

    row: Row[Path]
    nonces: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, Fields] = field(default_factory=dict)
    usage: list[Fields] = field(default_factory=list)
    has_failed: bool = False


@dataclass
class Bench:
    """The judges of a run, opened when the first path needs them."""

    config: JudgeConfig
    rubric: Rubric
    backends: dict[str, Backend] = field(default_factory=dict)
    budget: Budget = field(default_factory=lambda: Budget(None))
    stopping: Stopping = field(default_factory=Stopping)
    flight: Flight = field(default_factory=Flight)

    def open(self) -> dict[str, Backend]:
        """The backend of each judge."""
        for model in self.config.judge:
            if model not in self.backends:
                settings = asking.settings_of(self.config, self.budget, self.stopping, self.flight)
                self.backends[model] = open_backend(model, settings)
        return self.backends

    def close(self) -> None:
        """Close what was opened."""
        for backend in self.backends.values():
            backend.close()


def run(config: JudgeConfig, console: Console) -> Tally:
    """Judge what is not judged yet; the counts of this run.

    Raises: DataError before any call where input files are damaged; GateError where too many verdicts are unreadable.
    """
    tally, bench = Tally(), Bench(config, prompts.rubric(config.rubric))
    reader = Reader(config.input, Path, unique="path_id", skip_bad=config.skip_bad)
    total = reader.scan()
    manifest = Manifest("judge", config, config.output)
    counts: dict[str, int] = {}
    agreement = Agreement()
    with Writer(config.output, resume=config.resume) as writer:
        done = _judged_before(writer, config, tally, counts, agreement)
        manifest.begin()
        bench.budget = asking.budget_of(config, tally.cost_usd)
        bench.stopping = Stopping(quiet=config.quiet)
        finished = False
        try:
            shown = console.progress("judge", total, in_flight=lambda: bench.flight.num_calls)
            with bench.stopping, shown as progress:
                outcome = Outcome(writer, tally, counts, progress, judge_hash(config, bench.rubric), agreement)
                _judge_all(_warned_of(asking.selected(reader, config), config, console), done, bench, outcome)
            finished = asking.report_left(config, bench.flight, tally, console)
        finally:
            bench.close()
            tally.num_in, tally.num_bad = reader.num_rows, len(reader.bad)
            tally.num_out = tally.num_kept + writer.num_written
            asking.report_failures(config.output, tally.failed, console)
            manifest.finish(
                inputs=reader.sha256, rows_in=tally.num_in, rows_out=tally.num_out, finished=finished,
                reasons={"failed": len(tally.failed), "bad": tally.num_bad},
                cost_usd=asking.closed(bench.budget, tally), verdicts=counts,
                rubric={bench.rubric.id: bench.rubric.version}, agreement=_told(agreement),
            )  # fmt: skip
    asking.report_bad(reader, console)
    if (alpha := agreement.alpha()) is not None:
        console.say(f"agreement of the verdicts: Krippendorff's alpha {alpha:.2f} over {agreement.num_paths} paths")
    _gate(counts, config, console)
    return tally


def _told(agreement: Agreement) -> Fields:
    return {"krippendorff_alpha": agreement.alpha(), "paths": agreement.num_paths}


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
    counts: dict[str, int]
    progress: Progress
    judge_hash: str
    agreement: Agreement

    def write(self, fields: Fields) -> None:
        """Write one judged path and count it."""
        _count(fields, self.counts, self.agreement)
        self.writer.write({**fields, "judge_hash": self.judge_hash})
        self.progress.advance(done=1)


def _count(fields: Fields, counts: dict[str, int], agreement: Agreement) -> None:
    verdict = fields.get("verdict") or "not judged"
    counts[verdict] = counts.get(verdict, 0) + 1
    agreement.add(item["verdict"] for item in fields.get("verdicts") or ())


def judge_hash(config: JudgeConfig, rubric: Rubric) -> str:
    """A hash of everything but the path that decides its verdict."""
    drawn = [config.temperature, config.top_p, config.max_tokens, config.seed, config.api_base]
    return digest([list(config.judge), config.votes, rubric.instruction, config.all, drawn])


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


def _judged_before(
    writer: Writer, config: JudgeConfig, tally: Tally, counts: dict[str, int], agreement: Agreement
) -> dict[str, str]:
    """path_id to content hash of the rows that the output holds.

    Raises: ConfigError where they were judged in another way.
    """
    wanted, done = judge_hash(config, prompts.rubric(config.rubric)), {}
    for _, fields in writer.kept():
        tally.num_kept += 1
        for usage in fields.get("judge_usage") or ():
            tally.add_usage({"usage": usage})
        if fields.get("judge_hash") != wanted:
            asking.refuse_mixture(config.output, config, f"the text of the rubric {config.rubric}", DECISIVE_KNOBS)
        _count(fields, counts, agreement)
        done[str(fields.get("path_id"))] = _content(fields)
    return done


def _content(fields: Fields) -> str:
    """What must be equal for a verdict to stand: the reply and the gold."""
    return digest([fields.get("response"), fields.get("answer")])


def _judge_all(rows: Iterator[Row[Path]], done: dict[str, str], bench: Bench, outcome: Outcome) -> None:
    size = WINDOW_OF_STREAM if bench.config.input == ("-",) else WINDOW_OF_FILE
    while not bench.stopping.is_set() and (window := list(islice(rows, size))):
        cases = {}
        for row in window:
            before = done.get(row.record.path_id)
            if before is not None:
                if before != _content(row.fields):
                    asking.refuse_mixture(
                        outcome.writer.name, bench.config, f"the reply or the gold answer of {row.record.path_id}"
                    )
                outcome.progress.advance(done=1)
            elif not is_judged(row.record, all_paths=bench.config.all):
                outcome.write({**row.fields, "verdicts": [], "verdict": None})
            elif reason := empty_reasoning(row.record):
                verdict = {"judge": "qrd", "verdict": "invalid", "reason": reason, "raw": None}
                outcome.write({**row.fields, "verdicts": [verdict], "verdict": "invalid"})
            else:
                cases[row.record.path_id] = Case(row)
        if cases:
            for model, key, reply in _replies(bench, cases):
                _settle(cases[key.split("/")[0]], model, key, reply, bench, outcome)


def _settle(case: Case, model: str, key: str, reply: Reply, bench: Bench, outcome: Outcome) -> None:
    """Take one reply; write the path once its last verdict is in."""
    outcome.progress.advance(tokens=reply.usage.completion_tokens or 0, cost_usd=reply.usage.cost_usd or 0.0)
    outcome.tally.cost_usd += reply.usage.cost_usd or 0.0
    if reply.error is not None:
        path = case.row.record
        identity = {"id": path.id, "path_id": path.path_id, "judge": model}
        outcome.tally.failed.append(asking.failed_row(identity, reply))
        outcome.progress.advance(failed=1)
        case.has_failed = True
        return
    # A guided verdict is complete before its reason is: the reason may be cut, the verdict cannot.
    whole = reply.finish_reason in (None, "stop") or bench.backends[model].guides
    verdict, reason = prompts.read_verdict(reply.text if whole else None, case.nonces[key])
    case.verdicts[key] = {"judge": model, "verdict": verdict, "reason": reason, "raw": reply.text}
    case.usage.append({"cost_usd": reply.usage.cost_usd, "completion_tokens": reply.usage.completion_tokens,
                       "prompt_tokens": reply.usage.prompt_tokens})  # fmt: skip
    if len(case.verdicts) == len(bench.config.judge) * bench.config.votes and not case.has_failed:
        verdicts = [case.verdicts[name] for name in sorted(case.verdicts)]
        final = majority((item["verdict"] for item in verdicts), len(verdicts))
        outcome.write({**case.row.fields, "verdicts": verdicts, "verdict": final, "judge_usage": case.usage})


def _requests(bench: Bench, cases: dict[str, Case], judge_number: int, guides: bool) -> Iterator[Request]:
    """The votes asked of one judge, each with a nonce of its own."""
    config = bench.config
    sampling = Sampling(
        temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens, seed=config.seed
    )
    new_nonce = asking.nonces(config)
    for path_id, case in cases.items():
        path = case.row.record
        for vote in range(config.votes):
            key = f"{path_id}/{judge_number:03}/{vote:03}"
            nonce = case.nonces.setdefault(key, new_nonce(key))
            messages = tuple(prompts.judge_messages(bench.rubric, path, path.response or "", nonce))
            starts = prompts.verdict_starts(nonce)
            # Behind a start that the backend chose only the reason's line is left to write.
            stop = ("\n",) if guides else ()
            yield Request(key=key, messages=messages, sampling=sampling, starts=starts, stop=stop)


def _replies(bench: Bench, cases: dict[str, Case]) -> Iterator[tuple[str, str, Reply]]:
    """(judge, key, reply) from all judges at once, as they come; one judge runs in this thread."""
    backends = bench.open()
    if len(backends) == 1:
        ((model, backend),) = backends.items()
        yield from ((model, reply.key, reply) for reply in backend.complete(_requests(bench, cases, 0, backend.guides)))
        return
    arrived: queue.Queue[Any] = queue.Queue()
    for number, (model, backend) in enumerate(backends.items()):
        target = _feeder(arrived, model, backend, partial(_requests, bench, cases, number, backend.guides))
        threading.Thread(target=target, daemon=True).start()
    running = len(backends)
    while running:
        item = arrived.get()
        if isinstance(item, BaseException):
            raise item
        if item is None:
            running -= 1
        else:
            yield item


def _feeder(
    arrived: queue.Queue[Any], model: str, backend: Backend, requests: Callable[[], Iterator[Request]]
) -> Callable[[], None]:
    """A thread's work: put every reply of one judge, then None, or the error that ended it."""

    def feed() -> None:
        try:
            for reply in backend.complete(requests()):
                arrived.put((model, reply.key, reply))
            arrived.put(None)
        except Exception as error:  # noqa: BLE001  raised again by the thread that waits
            arrived.put(error)

    return feed


def _gate(counts: dict[str, int], config: JudgeConfig, console: Console) -> None:
    judged = sum(number for verdict, number in counts.items() if verdict != "not judged")
    rows = [
        (verdict, f"{counts[verdict]:,}")
        for verdict in ("valid", "invalid", "unscored", "not judged")
        if verdict in counts
    ]
    console.table("Verdicts", ("verdict", "paths"), rows)
    unscored = counts.get("unscored", 0)
    if judged and unscored / judged > config.max_unscored:
        raise GateError(
            f"{unscored} of {judged} verdicts could not be read (more than {config.max_unscored:.0%}); "
            "they count as unscored, never as valid. Choose another judge, or raise --max-unscored"
        )
