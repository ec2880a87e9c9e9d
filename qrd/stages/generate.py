"""generate: questions to reasoning paths.

Reads:   questions.
Does:    asks each teacher for each question in each style, `samples` times; grades each reply at once.
Writes:  one path a line, as replies come in; OUTPUT.failed.jsonl; OUTPUT.manifest.json.
Never:   asks again for a path that is in OUTPUT; mixes paths of other settings into it.

Source: paper, section 2.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from qrd import prompts
from qrd.answers import grade
from qrd.backends import Backend, Budget, Flight, Reply, Request, Sampling, Stopping, estimate, open_backend
from qrd.config import GenerateConfig
from qrd.console import Console, Progress
from qrd.jsonl import Reader, Row, Writer
from qrd.manifest import Manifest
from qrd.records import Fields, Question, path_id, plain_json, unsaid
from qrd.stages import asking
from qrd.stages.asking import Held, Tally


@dataclass(frozen=True, slots=True)
class Planned:
    """One path to be written: its question, where it comes from and what is sent for it."""

    path_id: str
    row: Row[Question]
    teacher: str
    style: str
    sample: int
    messages: tuple[dict[str, str], ...]

    def request(self, config: GenerateConfig) -> Request:
        """The request, its key the path's id. Each path has a seed of its own, so that k samples are k draws."""
        seed = int(hashlib.sha256(plain_json([config.seed, self.path_id])).hexdigest()[:8], 16) >> 1
        sampling = Sampling(temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens, seed=seed)
        return Request(key=self.path_id, messages=self.messages, sampling=sampling)

    def request_hash(self, config: GenerateConfig) -> str:
        """The hash of all that decides the reply."""
        return self.request(config).hash(self.teacher, config.api_base)


@dataclass
class Run:
    """What the parts of one run share."""

    config: GenerateConfig
    questions: Held[Question]
    console: Console
    tally: Tally
    done: set[str] = field(default_factory=set)
    flight: Flight = field(default_factory=Flight)

    @property
    def num_planned(self) -> int:
        """Paths that the configuration asks for."""
        config = self.config
        num_styles = len(prompts.styles(config.styles, config.style_file))
        return len(self.questions) * len(config.teacher) * num_styles * config.samples

    def missing(self, teacher: str) -> Iterator[Planned]:
        """What one teacher has still to write."""
        return (item for item in planned(self.questions, self.config, teacher) if item.path_id not in self.done)


def run(config: GenerateConfig, console: Console) -> Tally:
    """Generate what is planned and not there yet; the counts of this run.

    Raises: ConfigError, DataError before any call; BackendError where a teacher refuses for good.
    """
    reader = Reader(config.input, Question, unique="id", skip_bad=config.skip_bad)
    questions = Held(asking.selected(reader, config), Question)
    tally = Tally(num_in=reader.num_rows, num_bad=len(reader.bad))
    asking.report_bad(reader, console)
    this = Run(config, questions, console, tally)
    if config.dry_run:
        _estimate(this)
        return tally
    manifest = Manifest("generate", config, config.output)
    with Writer(config.output, resume=config.resume) as writer:
        _keep(this, writer)
        manifest.begin()
        budget, finished = asking.budget_of(config, tally.cost_usd), False
        try:
            _ask(this, writer, budget)
            finished = asking.report_left(config, this.flight, tally, console)
        finally:
            tally.num_out = tally.num_kept + writer.num_written
            asking.report_failures(config.output, tally.failed, console)
            manifest.finish(
                inputs=reader.sha256, rows_in=tally.num_in, rows_out=tally.num_out, finished=finished,
                reasons={"failed": len(tally.failed), "bad": tally.num_bad}, cost_usd=asking.closed(budget, tally),
                planned=this.num_planned, prompts=_prompt_versions(config),
            )  # fmt: skip
    return tally


def planned(questions: Iterable[Row[Question]], config: GenerateConfig, teacher: str) -> Iterator[Planned]:
    """Every path that this configuration asks of a teacher, questions in their order."""
    styles = prompts.styles(config.styles, config.style_file)
    for row in questions:
        for style in styles:
            messages = tuple(prompts.teacher_messages(row.record, style))
            for sample in range(config.samples):
                key = path_id(row.record.id, teacher, style.id, sample)
                yield Planned(key, row, teacher, style.id, sample, messages)


def _keep(this: Run, writer: Writer) -> None:
    """Take over the paths that the output holds.

    Raises: ConfigError where it holds one of the planned paths, made in another way.
    """
    config, made = this.config, {}
    for _, fields in writer.kept():
        this.tally.num_kept += 1
        this.tally.add_usage(fields)
        if fields.get("teacher") not in config.teacher:
            asking.refuse_mixture(config.output, config, f"the teacher {fields.get('teacher')}", ["teacher"])
        made[str(fields.get("path_id"))] = fields.get("request_hash"), fields.get("answer")
    for teacher in config.teacher if made else ():
        for item in planned(this.questions, config, teacher):
            before = made.get(item.path_id)
            if before is None:
                continue
            question = item.row.record
            if before[1] != item.row.fields.get("answer"):
                asking.refuse_mixture(config.output, config, f"the gold answer of {question.id}")
            if before[0] != item.request_hash(config):
                asking.refuse_mixture(config.output, config, f"the prompt of {question.id}, style {item.style}")
            this.done.add(item.path_id)


def _ask(this: Run, writer: Writer, budget: Budget) -> None:
    config, flight = this.config, this.flight
    num_missing = this.num_planned - len(this.done)
    shown = this.console.progress("generate", num_missing, in_flight=lambda: flight.num_calls)
    with Stopping(quiet=config.quiet) as stopping, shown as progress:
        for teacher in config.teacher:
            missing = this.missing(teacher)
            first = next(missing, None)
            if first is None or stopping.is_set():
                continue
            backend = open_backend(teacher, asking.settings_of(config, budget, stopping, flight))
            try:
                _ask_one(backend, chain([first], missing), this, writer, progress)
            finally:
                backend.close()


def _ask_one(backend: Backend, items: Iterable[Planned], this: Run, writer: Writer, progress: Progress) -> None:
    under_way: dict[str, Planned] = {}

    def requests() -> Iterator[Request]:
        for item in items:
            under_way[item.path_id] = item
            yield item.request(this.config)

    for reply in backend.complete(requests()):
        fields = _settled(under_way.pop(reply.key), reply, this, writer)
        progress.advance(done=1, failed=int(reply.error is not None), **fields)


def _settled(item: Planned, reply: Reply, this: Run, writer: Writer) -> dict[str, float]:
    """Write the path, or note the failure; the tokens and the cost of the reply."""
    identity = {
        "id": item.row.record.id, "path_id": item.path_id, "request_hash": item.request_hash(this.config),
        "teacher": item.teacher, "style": item.style, "sample": item.sample,
    }  # fmt: skip
    if reply.error is not None:
        this.tally.failed.append(asking.failed_row(identity, reply))
        return {}
    usage = reply.usage
    writer.write(path_of(item, identity, reply))
    this.tally.cost_usd += usage.cost_usd or 0.0
    return {"tokens": usage.completion_tokens or 0, "cost_usd": usage.cost_usd or 0.0}


def path_of(item: Planned, identity: Fields, reply: Reply) -> Fields:
    """The path record of a reply, graded."""
    question = item.row.record
    graded = grade(question.task, reply.text or "", question.answer, question.choices)
    return {
        **unsaid(item.row.fields), **identity,
        "prompt": list(item.messages), "response": reply.text or "", "finish_reason": reply.finish_reason,
        "prediction": graded.prediction, "correct": graded.correct, "usage": reply.usage,
    }  # fmt: skip


def _prompt_versions(config: GenerateConfig) -> dict[str, int]:
    return {style.id: style.version for style in prompts.styles(config.styles, config.style_file)}


def _estimate(this: Run) -> None:
    """Print calls, tokens and cost per teacher; replies are counted at their longest, so the cost is a ceiling."""
    rows = []
    for teacher in this.config.teacher:
        requests = (item.request(this.config) for item in planned(this.questions, this.config, teacher))
        prompt_tokens, completion_tokens, cost_usd = estimate(teacher, requests)
        cost = "unknown" if cost_usd is None else f"at most ${cost_usd:.4f}"
        num_calls = this.num_planned // len(this.config.teacher)
        rows.append((teacher, f"{num_calls:,}", f"{prompt_tokens:,}", f"at most {completion_tokens:,}", cost))
    this.console.table(
        "Nothing is called (--dry-run)", ("teacher", "calls", "prompt tokens", "reply tokens", "cost"), rows
    )
