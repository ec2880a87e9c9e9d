"""What `generate`, `judge` and `eval` share: the frame of a run that asks models, and what it is made of."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from qrd.backends import Account, BackendSettings, Budget, Flight, Reply, Sampling, Stopping
from qrd.backends.batch import notes
from qrd.config import Batching, Calling, EvalConfig, GenerateConfig, JudgeConfig
from qrd.console import Console, Progress
from qrd.errors import ConfigError
from qrd.rows import fingerprints
from qrd.rows.companions import ACCOUNT, FAILED
from qrd.rows.disk import is_stream, write_whole
from qrd.rows.lines import encode
from qrd.rows.manifest import Manifest, stored, without_secrets
from qrd.rows.reader import Reader
from qrd.rows.records import Fields
from qrd.rows.writer import Writer
from qrd.stages import Tally
from qrd.stages.outcomes import Outcomes

ENDPOINT_KNOBS = ("temperature", "top_p", "max_tokens", "seed", "api_base")
NAMED_FAILURES = 5
Costs = Callable[[], Mapping[str, float]]  # what the requests of the rows in the output have cost, by their keys


@dataclass
class AskingTally(Tally):
    """What a run that asks counted; `num_kept` rows were there before, `num_left` requests are in batches."""

    num_kept: int = 0
    num_left: int = 0
    cost_usd: float = 0.0
    failed: list[Fields] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=Outcomes)

    @property
    def is_partial(self) -> bool:
        """Whether some rows failed, were set aside or are still to come (exit 3)."""
        return bool(self.num_bad or self.failed or self.num_left)

    def add_usage(self, fields: Fields) -> None:
        """Count the cost that a row carries."""
        self.cost_usd += cost_usd([fields.get("usage")])


class Asking:
    """The frame of a run that asks models: its money, its calls under way, its end, and its manifest.

    A verb opens its output, takes over what that holds, counting it in `tally`, and asks within `begun`.
    """

    def __init__(
        self, command: str, config: Calling, console: Console, reader: Reader[Any], models: Iterable[str]
    ) -> None:
        self.command, self.config, self.console, self.reader = command, config, console, reader
        self.manifest = Manifest(command, config, config.output, models=fingerprints.told(models))
        self.tally = AskingTally(num_in=reader.num_rows, num_bad=len(reader.bad))
        self.budget, self.flight, self.stopping = Budget(None), Flight(), Stopping(quiet=config.quiet)

    @contextmanager
    def begun(
        self,
        writer: Writer,
        costs: Costs = dict,
        *,
        told: Callable[[], Fields],
        close: Callable[[bool], None] | None = None,
    ) -> Iterator[None]:
        """The time between the two writings of the manifest, which `told` adds to; all models are asked within.

        However it ends, `close` first brings to the disk what the verb holds, and is told whether all replies are here.
        """
        self.manifest.begin(self.console.say)
        self.budget = budget_of(self.config, self.tally.cost_usd)
        self.settle(costs)
        is_finished = False
        try:
            yield
            is_finished = self._has_all()
        finally:
            if close is not None:
                close(is_finished)
            self._finish(writer, told, is_finished=is_finished)

    @contextmanager
    def progress(self, total: int | None) -> Iterator[Progress]:
        """The line of progress; the first signal that comes within lets replies under way come in, and ends the run."""
        shown = self.console.progress(self.command, total, in_flight=lambda: self.flight.num_calls)
        with self.stopping, shown as progress:
            yield progress

    def settings(self) -> BackendSettings:
        """What a backend of this run needs; all models share one budget and stop together. Raises: as `settings_of`."""
        return settings_of(self.config, self.budget, self.stopping, self.flight)

    def settle(self, costs: Costs) -> None:
        """Settle batches whose rows are all in the output."""
        if isinstance(self.config, Batching):
            settle_batches(self.config.output, self.budget, costs)

    def _has_all(self) -> bool:
        if not isinstance(self.config, Batching):
            return True
        return report_left(self.config, self.flight, self.tally, self.console)

    def _finish(self, writer: Writer, told: Callable[[], Fields], *, is_finished: bool) -> None:
        tally, reader = self.tally, self.reader
        tally.num_in, tally.num_bad = reader.num_rows, len(reader.bad)
        tally.num_out = tally.num_kept + writer.num_written
        report_failures(self.config.output, tally.failed, self.console)
        cost_usd, facts = closed(self.budget, tally), told()
        self.manifest.finish(
            inputs=reader.sha256,
            rows_in=tally.num_in,
            rows_out=tally.num_out,
            finished=is_finished,
            reasons={"failed": len(tally.failed), "bad": tally.num_bad},
            cost_usd=cost_usd,
            **facts,
        )


def sampling_of(config: GenerateConfig | JudgeConfig | EvalConfig, seed: int | None = None) -> Sampling:
    """How the replies of a command are drawn, with the seed of one of them."""
    return Sampling(temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens, seed=seed)


def cost_usd(usages: Iterable[Any]) -> float:
    """The sum of the costs that rows tell."""
    return sum(usage.get("cost_usd") or 0.0 for usage in usages if isinstance(usage, dict))


def budget_of(config: Calling, spent_usd: float) -> Budget:
    """The budget of a run whose rows have cost so much; calls without a row are in the account of its output."""
    if config.cost_file is not None:
        told = stored(config.output).get(
            "cost_usd"
        )  # by earlier runs, whose calls without a row are among others there
        known = max(spent_usd, told) if isinstance(told, float) else spent_usd
        return Budget(config.max_cost, known, Account(config.cost_file, shared=True))
    if is_stream(config.output):
        return Budget(config.max_cost, spent_usd)
    return Budget(config.max_cost, spent_usd, Account(str(ACCOUNT.of(config.output)), shared=False))


def closed(budget: Budget, tally: AskingTally) -> float | None:
    """What the output has cost, calls without a row included, once the budget is closed; None for nothing."""
    cost_usd = max(budget.own, tally.cost_usd)
    budget.close()
    return cost_usd or None


def settings_of(config: Calling, budget: Budget, stopping: Stopping, flight: Flight) -> BackendSettings:
    """The backend's part of a configuration; all models of a run share one budget and stop together.

    Raises: ConfigError where a provider works on requests of this output and --batch, which collects, is not given.
    """
    names = BackendSettings.__dataclass_fields__
    given = {name: getattr(config, name) for name in names if hasattr(config, name)}
    file = notes.file_of(config.output)
    if isinstance(config, Batching) and config.batch:
        given["batch_file"] = str(file)
    elif (noted := notes.noted(file)) and not all(batch.is_collected for batch in noted.batches):
        raise ConfigError(f"{file}: a provider works on requests of this output; --batch collects them")
    return BackendSettings(**given, budget=budget, stopping=stopping, flight=flight)


def settle_batches(output: str, budget: Budget, costs: Costs) -> None:
    """Settle batches that a killed run had in full, by what the requests of the rows in the output have cost."""
    file = notes.file_of(output)
    noted = None if is_stream(output) else notes.noted(file)
    if noted is not None and not all(batch.is_collected for batch in noted.batches):
        notes.settle(file, budget, costs())


def nonces(config: Calling) -> Callable[[str], str]:
    """What gives each call a word that no path can know; with --batch it is the same in the run that collects."""
    if isinstance(config, Batching) and config.batch:
        return notes.opened(notes.file_of(config.output)).word
    return lambda key: secrets.token_hex(4)


def report_left(config: Batching, flight: Flight, tally: AskingTally, console: Console) -> bool:
    """Whether a run that came to its end has all replies; what is left with a provider is said.

    Where nothing is left and nothing failed, the notes of batches have done their service and are removed.
    """
    tally.num_left = flight.num_left
    if tally.num_left:
        console.say(f"{tally.num_left:,} requests are with the provider; the same command collects their replies")
    elif not tally.failed:
        file = notes.file_of(config.output)
        noted = notes.noted(file)
        if noted and all(batch.is_collected for batch in noted.batches):
            file.unlink(missing_ok=True)
    return not tally.num_left


def refuse_mixture(output: str, config: Any, problem: str, knobs: Sequence[str] = ()) -> None:
    """Stop a run whose output holds rows made in another way, naming what changed (never mix two kinds of work).

    What changed is told by the manifest of the output: `knobs`, those of the endpoint and of sampling, and the files of
    models are compared.
    Raises: ConfigError, always.
    """
    manifest = stored(output)
    before = manifest.get("config") or {}
    changed = []
    for name in (*knobs, *ENDPOINT_KNOBS) if before else ():
        then, now = before.get(name), without_secrets(getattr(config, name, None))  # as the manifest has it
        if then != now:
            changed.append(f"--{name.replace('_', '-')} {_shown(then)} -> {_shown(now)}")
    changed += fingerprints.changed(manifest.get("models"))
    what = ", ".join(changed) or problem
    raise ConfigError(
        f"{output}: holds rows made otherwise ({what}); give another -o, or --no-resume to set the file aside"
    )


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else "(not set)" if value is None else str(value)


def failed_row(identity: Fields, reply: Reply) -> Fields:
    """The line of OUTPUT.failed.jsonl for a request that has no reply."""
    return {**identity, "error": reply.error, "attempts": reply.attempts}


def report_failures(output: str, failed: Iterable[Fields], console: Console) -> None:
    """Write OUTPUT.failed.jsonl anew, or remove it where nothing failed; name a few failures."""
    rows = list(failed)
    for row in rows[:NAMED_FAILURES]:
        console.say(f"failed after {row['attempts']} attempts: {row.get('id')}: {row['error']}")
    if len(rows) > NAMED_FAILURES:
        console.say(f"... and {len(rows) - NAMED_FAILURES} more failed requests")
    if is_stream(output):
        return
    file = FAILED.of(output)
    if rows:
        write_whole(file, b"".join(encode(row) for row in rows))
        console.say(f"{file}: {len(rows)} failed requests; the same command tries them again")
    else:
        file.unlink(missing_ok=True)
