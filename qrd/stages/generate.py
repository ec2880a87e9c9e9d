"""generate: questions to reasoning paths.

Reads:   questions.
Does:    asks each teacher for each question in each style, `samples` times; grades each reply at once.
Writes:  one path a line, as replies come in; OUTPUT.failed.jsonl; OUTPUT.manifest.json.
Never:   asks again for a path that is in OUTPUT; mixes paths of other settings into it.

Source: paper, section 2.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qrd import prompts
from qrd.answers import grade
from qrd.backends import Budget, Flight, Reply, Request, Sampling, Stopping, open_backend
from qrd.config import GenerateConfig
from qrd.console import Console
from qrd.jsonl import Reader, Row, Writer
from qrd.manifest import Manifest
from qrd.records import Fields, Question, digest, path_id, unsaid
from qrd.stages import asking
from qrd.stages.asking import Tally


@dataclass(frozen=True)
class Planned:
    """One path to be written: its question, where it comes from and the request for it."""

    row: Row[Question]
    teacher: str
    style: str
    sample: int
    request: Request
    request_hash: str

    @property
    def path_id(self) -> str:
        """The path's id; the request carries it as its key."""
        return self.request.key

    def identity(self) -> Fields:
        """The fields that say which path this is."""
        return {
            "id": self.row.record.id, "path_id": self.path_id, "request_hash": self.request_hash,
            "teacher": self.teacher, "style": self.style, "sample": self.sample,
        }  # fmt: skip


def run(config: GenerateConfig, console: Console) -> Tally:
    """Generate what is planned and not there yet; the counts of this run.

    Raises: ConfigError, DataError before any call; BackendError where a teacher refuses for good.
    """
    reader = Reader(config.input, Question, unique="id", skip_bad=config.skip_bad)
    rows = list(asking.selected(reader, config))
    tally = Tally(num_in=reader.num_rows, num_bad=len(reader.bad))
    asking.report_bad(reader, console)
    plan = list(planned(rows, config))
    if config.dry_run:
        _estimate(plan, config, console)
        return tally
    manifest = Manifest("generate", config, config.output)
    with Writer(config.output, resume=config.resume) as writer:
        todo = _unwritten(plan, writer, config, tally)
        manifest.begin()
        budget, finished = asking.budget_of(config, tally.cost_usd), False
        try:
            _ask(todo, writer, config, console, tally, budget)
            finished = True
        finally:
            tally.num_out = tally.num_kept + writer.num_written
            asking.report_failures(config.output, tally.failed, console)
            manifest.finish(
                inputs=reader.sha256, rows_in=tally.num_in, rows_out=tally.num_out, finished=finished,
                reasons={"failed": len(tally.failed), "bad": tally.num_bad}, cost_usd=asking.closed(budget, tally),
                planned=len(plan), prompts=_prompt_versions(config),
            )  # fmt: skip
    return tally


def planned(rows: list[Row[Question]], config: GenerateConfig) -> Iterator[Planned]:
    """Every path that this configuration asks for, questions in their order."""
    styles = prompts.styles(config.styles, config.style_file)
    for teacher in config.teacher:
        for row in rows:
            for style in styles:
                messages = tuple(prompts.teacher_messages(row.record, style))
                for sample in range(config.samples):
                    key = path_id(row.record.id, teacher, style.id, sample)
                    request = Request(key=key, messages=messages, sampling=_sampling(config, key))
                    digest_of_request = request.hash(teacher, config.api_base)
                    yield Planned(row, teacher, style.id, sample, request, digest_of_request)


def _sampling(config: GenerateConfig, key: str) -> Sampling:
    """Each path has a seed of its own, so that k samples are k draws."""
    seed = int(digest([config.seed, key])[:8], 16) >> 1
    return Sampling(temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens, seed=seed)


def _unwritten(plan: list[Planned], writer: Writer, config: GenerateConfig, tally: Tally) -> list[Planned]:
    """The part of the plan that the output does not hold yet.

    Raises: ConfigError where the output holds one of these paths made in another way.
    """
    wanted = {item.path_id: item for item in plan}
    done = set()
    for _, fields in writer.kept():
        tally.num_kept += 1
        tally.add_usage(fields)
        item = wanted.get(str(fields.get("path_id")))
        if item is None:
            if fields.get("teacher") not in config.teacher:
                asking.refuse_mixture(config.output, config, f"the teacher {fields.get('teacher')}", ["teacher"])
            continue
        if fields.get("answer") != item.row.fields.get("answer"):
            asking.refuse_mixture(config.output, config, f"the gold answer of {item.row.record.id}")
        if fields.get("request_hash") != item.request_hash:
            asking.refuse_mixture(config.output, config, f"the prompt of {item.row.record.id}, style {item.style}")
        done.add(item.path_id)
    return [item for item in plan if item.path_id not in done]


def _ask(
    todo: list[Planned], writer: Writer, config: GenerateConfig, console: Console, tally: Tally, budget: Budget
) -> None:
    by_key = {item.path_id: item for item in todo}
    flight = Flight()
    shown = console.progress("generate", len(todo), in_flight=lambda: flight.num_calls)
    with Stopping(quiet=config.quiet) as stopping, shown as progress:
        for teacher in config.teacher:
            requests = [item.request for item in todo if item.teacher == teacher]
            if not requests or stopping.is_set():
                continue
            backend = open_backend(teacher, asking.settings_of(config, budget, stopping, flight))
            try:
                for reply in backend.complete(requests):
                    fields = _settled(by_key[reply.key], reply, writer, tally)
                    progress.advance(done=1, failed=int(reply.error is not None), **fields)
            finally:
                backend.close()


def _settled(item: Planned, reply: Reply, writer: Writer, tally: Tally) -> dict[str, float]:
    """Write the path, or note the failure; the tokens and the cost of the reply."""
    if reply.error is not None:
        tally.failed.append(asking.failed_row(item.identity(), reply))
        return {}
    fields = path_of(item, reply)
    writer.write(fields)
    tally.add_usage(fields)
    return {"tokens": reply.usage.completion_tokens or 0, "cost_usd": reply.usage.cost_usd or 0.0}


def path_of(item: Planned, reply: Reply) -> Fields:
    """The path record of a reply, graded."""
    question = item.row.record
    graded = grade(question.task, reply.text or "", question.answer, question.choices)
    return {
        **unsaid(item.row.fields), **item.identity(),
        "prompt": list(item.request.messages), "response": reply.text or "", "finish_reason": reply.finish_reason,
        "prediction": graded.prediction, "correct": graded.correct, "usage": reply.usage,
    }  # fmt: skip


def _prompt_versions(config: GenerateConfig) -> dict[str, int]:
    return {style.id: style.version for style in prompts.styles(config.styles, config.style_file)}


def _estimate(plan: list[Planned], config: GenerateConfig, console: Console) -> None:
    """Print calls, tokens and cost per teacher; replies are counted at their longest, so the cost is a ceiling."""
    from qrd.backends import estimate

    rows = []
    for teacher in config.teacher:
        requests = [item.request for item in plan if item.teacher == teacher]
        prompt_tokens, completion_tokens, cost_usd = estimate(teacher, requests)
        cost = "unknown" if cost_usd is None else f"at most ${cost_usd:.4f}"
        rows.append((teacher, f"{len(requests):,}", f"{prompt_tokens:,}", f"at most {completion_tokens:,}", cost))
    console.table("Nothing is called (--dry-run)", ("teacher", "calls", "prompt tokens", "reply tokens", "cost"), rows)
