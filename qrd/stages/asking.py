"""What `generate`, `judge` and `eval` share: selecting rows, refusing mixtures, noting failures, counting money."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from qrd.backends import Account, BackendSettings, Budget, Flight, Reply, Stopping
from qrd.backends.batch import notes
from qrd.config import Batching, Calling
from qrd.console import Console
from qrd.errors import ConfigError
from qrd.rows import fingerprints
from qrd.rows.companions import ACCOUNT, FAILED
from qrd.rows.disk import is_stream, write_whole
from qrd.rows.lines import encode
from qrd.rows.manifest import stored, without_secrets
from qrd.rows.records import Fields
from qrd.stages.selecting import Tally

ENDPOINT_KNOBS = ("temperature", "top_p", "max_tokens", "seed", "api_base")
NAMED_FAILURES = 5


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


def closed(budget: Budget, tally: Tally) -> float | None:
    """What the output has cost, calls without a row included, once the budget is closed; None for nothing."""
    cost_usd = max(budget.own, tally.cost_usd)
    budget.close()
    return cost_usd or None


def settings_of(config: Calling, budget: Budget, stopping: Stopping, flight: Flight | None = None) -> BackendSettings:
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
    return BackendSettings(**given, budget=budget, stopping=stopping, flight=flight or Flight())


def settle_batches(output: str, budget: Budget, costs: Callable[[], Mapping[str, float]]) -> None:
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


def report_left(config: Batching, flight: Flight, tally: Tally, console: Console) -> bool:
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
