"""`OUTPUT.batches.json`: which requests of an output a provider works on while nobody waits.

It is written before anything is submitted, so that a killed process never submits twice.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path as File

import msgspec

from qrd.backends.bounds.budget import Budget, Hold
from qrd.errors import ConfigError
from qrd.masking import one_line
from qrd.rows.companions import BATCHES
from qrd.rows.disk import write_whole

_PUTTING = threading.Lock()  # the judges of a panel have a thread each


class Batch(msgspec.Struct, kw_only=True):
    """Requests that were submitted together, or are about to be.

    `token` is the name we gave it and `id` the provider's, None until its answer came. `hashes` are those of the
    requests, in the order of `keys`. `is_collected`: all replies were handed over, so what failed may be asked again.
    """

    model: str
    token: str
    keys: list[str]
    hashes: list[str]
    held_usd: float = 0.0
    id: str | None = None
    is_collected: bool = False

    @property
    def hold(self) -> Hold:
        """What is set aside for it."""
        return Hold(f"batch-{self.token}", self.held_usd)


class Batches(msgspec.Struct, kw_only=True):
    """All batches of an output. `salt` makes words that a path cannot know and that are the same in the next run."""

    salt: str
    batches: list[Batch]

    def word(self, key: str) -> str:
        """Eight hexadecimal digits that belong to `key`."""
        return hashlib.sha256(f"{self.salt} {key}".encode("utf-8", "surrogatepass")).hexdigest()[:8]


def file_of(output: str) -> File:
    """Where the batches of an output are noted."""
    return BATCHES.of(output)


def noted(file: File) -> Batches | None:
    """What is noted; None where nothing is. Raises: ConfigError for a file that is none of ours."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Batches)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: does not say which batches are under way: {one_line(error)}") from None


def opened(file: File) -> Batches:
    """What is noted, or the beginning of it, which is written at once."""
    found = noted(file)
    if found is None:
        found = Batches(salt=secrets.token_hex(16), batches=[])
        _save(file, found)
    return found


def settle(file: File, budget: Budget, costs: Mapping[str, float]) -> None:
    """Count batches as collected of which all requests have an answer with its cost in `costs`.

    A run that was killed after the last answer was written, and before it could note that, leaves such a batch.
    """
    found = opened(file)
    for batch in found.batches:
        if not batch.is_collected and all(key in costs for key in batch.keys):
            budget.settle(batch.hold, min(batch.held_usd, sum(costs[key] for key in batch.keys)))
            batch.is_collected = True
            _save(file, found)


def put(file: File, model: str, of_model: list[Batch]) -> None:
    """Note the batches of one model; those of others stay as they are."""
    with _PUTTING:
        found = opened(file)
        found.batches = [batch for batch in found.batches if batch.model != model] + of_model
        _save(file, found)


def _save(file: File, batches: Batches) -> None:
    write_whole(file, msgspec.json.format(msgspec.json.encode(batches), indent=1) + b"\n")
