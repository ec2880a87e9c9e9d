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
from typing import Any

from qrd import prompts
from qrd.answers import grade
from qrd.backends import Backend, Reply, Request, estimate, hashing, open_backend
from qrd.config import GenerateConfig
from qrd.console import Console, Progress
from qrd.rows import fingerprints
from qrd.rows.reader import Reader
from qrd.rows.records import Fields, Question, plain_json, unsaid
from qrd.rows.writer import Writer
from qrd.stages import Tally, selecting
from qrd.stages.asking import Asking, cost_usd, failed_row, refuse_mixture, sampling_of
from qrd.stages.outcomes import on_paths
from qrd.stages.planning import Planned, num_planned, paths_of, planned
from qrd.stages.selecting import Held


def request_of(item: Planned, config: GenerateConfig) -> Request:
    """What is sent for a planned path; its key is the path's id."""
    sampling = sampling_of(config, _seed(config, item.path_id))
    return Request(key=item.path_id, messages=item.messages, sampling=sampling)


def _seed(config: GenerateConfig, key: str) -> int:
    """Each path has a seed of its own, so that k samples are k draws."""
    return int(hashlib.sha256(plain_json([config.seed, key])).hexdigest()[:8], 16) >> 1


@dataclass
class Generation:
    """What the parts of one run share; `begin` is the first question that a teacher has not answered in full.

    `identities` are what takes the place of each teacher's name where its requests are hashed.
    """

    config: GenerateConfig
    questions: Held[Question]
    asking: Asking
    identities: dict[str, str]
    done: set[str] = field(default_factory=set)
    begin: dict[str, int] = field(default_factory=dict)

    @property
    def num_planned(self) -> int:
        """Paths that the configuration asks for."""
        return num_planned(self.config, len(self.questions))

    def missing(self, teacher: str) -> Iterator[Planned]:
        """What one teacher has still to write."""
        rows = self.questions.since(self.begin.get(teacher, 0))
        return (item for item in planned(rows, self.config, teacher) if item.path_id not in self.done)


def run(config: GenerateConfig, console: Console) -> Tally:
    """Generate what is planned and not there yet; the counts of this run.

    Raises: ConfigError, DataError before any call; BackendError where a teacher refuses for good.
    """
    reader = Reader(config.input, Question, unique="id", skip_bad=config.skip_bad, needs_rows=True)
    questions = Held(selecting.selected(reader, config), Question)
    selecting.report_bad(reader, console)
    if config.dry_run:
        _estimate(questions, config, console)
        return Tally(num_in=reader.num_rows, num_bad=len(reader.bad))
    identities = {teacher: fingerprints.identity(teacher) for teacher in config.teacher}
    this = Generation(config, questions, Asking("generate", config, console, reader, config.teacher), identities)
    with Writer(config.output, resume=config.resume) as writer:
        _keep(this, writer)
        with this.asking.begun(writer, lambda: _costs(writer), told=lambda: _told(this, writer)):
            _ask(this, writer)
    return this.asking.tally


def _told(this: Generation, writer: Writer) -> Fields:
    """What the manifest tells of a generation; how much is new, and what became of the replies, is said."""
    config, tally, console = this.config, this.asking.tally, this.asking.console
    if tally.num_kept:
        console.say(f"paths: {tally.num_kept:,} kept, {writer.num_written:,} new")
    tally.outcomes.tell(console, on_paths(config.max_tokens), num_failed=len(tally.failed))
    versions = {style.id: style.version for style in prompts.styles(config.styles, config.style_file)}
    return {"planned": this.num_planned, "prompts": versions}


def _keep(this: Generation, writer: Writer) -> None:
    """Take over the paths that the output holds.

    Raises: ConfigError where it holds one of the planned paths, made in another way.
    """
    config = this.config
    made: dict[str, tuple[Any, Any]] = {}
    for _, fields in writer.kept():
        this.asking.tally.num_kept += 1
        this.asking.tally.add_usage(fields)
        this.asking.tally.outcomes.add(fields)
        if fields.get("teacher") not in config.teacher:
            refuse_mixture(config.output, config, f"the teacher {fields.get('teacher')}", ["teacher"])
        made[str(fields.get("path_id"))] = fields.get("request_hash"), fields.get("answer")
    for teacher in config.teacher if made else ():
        _compare(this, teacher, made)


def _compare(this: Generation, teacher: str, made: dict[str, tuple[Any, Any]]) -> None:
    """Find the planned paths of one teacher among those made; raises as `_keep`."""
    config, done = this.config, this.done
    sampling = sampling_of(config)
    # Rows of before models were known by their files have the hash with the bare name.
    hashed, by_name = (hashing(name, config.api_base, sampling) for name in (this.identities[teacher], teacher))
    styles = prompts.styles(config.styles, config.style_file)
    for number, row in enumerate(this.questions):
        for item in paths_of(row, config, teacher, styles):
            before = made.get(item.path_id)
            if before is None:
                this.begin.setdefault(teacher, number)
                continue
            if before[1] != row.fields.get("answer"):
                refuse_mixture(config.output, config, f"the gold answer of {row.record.id}")
            sent = item.messages, _seed(config, item.path_id)
            if before[0] != hashed(*sent) and before[0] != by_name(*sent):
                what = f"the prompt of {row.record.id}, style {item.style}, or the endpoint that a variable names"
                refuse_mixture(config.output, config, what)
            done.add(item.path_id)
    this.begin.setdefault(teacher, len(this.questions))


def _costs(writer: Writer) -> dict[str, float]:
    """What each path in the output has cost."""
    return {str(fields.get("path_id")): cost_usd([fields.get("usage")]) for _, fields in writer.kept()}


def _ask(this: Generation, writer: Writer) -> None:
    asking = this.asking
    with asking.progress(this.num_planned) as progress:
        progress.advance(done=len(this.done), kept=len(this.done))
        for teacher in this.config.teacher:
            missing = this.missing(teacher)
            first = next(missing, None)
            if first is None or asking.stopping.is_set():
                continue
            backend = open_backend(teacher, asking.settings())
            try:
                _ask_one(backend, chain([first], missing), this, writer, progress)
            finally:
                backend.close()


def _ask_one(backend: Backend, items: Iterable[Planned], this: Generation, writer: Writer, progress: Progress) -> None:
    under_way: dict[str, Planned] = {}

    def requests() -> Iterator[Request]:
        for item in items:
            under_way[item.path_id] = item
            yield request_of(item, this.config)

    for reply in backend.complete(requests()):
        fields = _settled(under_way.pop(reply.key), reply, this, writer)
        progress.advance(done=1, failed=int(reply.error is not None), **fields)


def _settled(item: Planned, reply: Reply, this: Generation, writer: Writer) -> dict[str, float]:
    """Write the path, or note the failure; the tokens and the cost of the reply."""
    request_hash = request_of(item, this.config).hash(this.identities[item.teacher], this.config.api_base)
    identity = {
        "id": item.row.record.id,
        "path_id": item.path_id,
        "request_hash": request_hash,
        "teacher": item.teacher,
        "style": item.style,
        "sample": item.sample,
    }
    if reply.error is not None:
        this.asking.tally.failed.append(failed_row(identity, reply))
        return {}
    usage = reply.usage
    path = path_of(item, identity, reply)
    writer.write(path)
    this.asking.tally.outcomes.add(path)
    this.asking.tally.cost_usd += usage.cost_usd or 0.0
    return {"tokens": usage.completion_tokens or 0, "cost_usd": usage.cost_usd or 0.0}


def path_of(item: Planned, identity: Fields, reply: Reply) -> Fields:
    """The path record of a reply, graded."""
    question = item.row.record
    graded = grade(question.task, reply.text or "", question.answer, question.choices)
    thought = {} if reply.reasoning is None else {"reasoning": reply.reasoning}
    return {
        **unsaid(item.row.fields),
        **identity,
        **thought,
        "prompt": list(item.messages),
        "response": reply.text or "",
        "finish_reason": reply.finish_reason,
        "prediction": graded.prediction,
        "correct": graded.correct,
        "usage": reply.usage,
    }


def _estimate(questions: Held[Question], config: GenerateConfig, console: Console) -> None:
    """Print calls, tokens and cost per teacher; prompts and replies are priced at their longest: it is a ceiling."""
    rows = []
    num_calls = num_planned(config, len(questions)) // len(config.teacher)
    for teacher in config.teacher:
        requests = (request_of(item, config) for item in planned(questions, config, teacher))
        prompt_tokens, completion_tokens, most_usd = estimate(teacher, requests)
        cost = "unknown" if most_usd is None else f"at most ${most_usd:.4f}"
        rows.append((teacher, f"{num_calls:,}", f"about {prompt_tokens:,}", f"at most {completion_tokens:,}", cost))
    console.table("Nothing is called (--dry-run)", ("teacher", "calls", "prompt tokens", "reply tokens", "cost"), rows)
