"""The part of a command's configuration that backends need."""

from __future__ import annotations

from dataclasses import dataclass, field

from qrd.backends.bounds.budget import Budget
from qrd.backends.bounds.flight import Flight
from qrd.backends.bounds.stopping import Stopping


@dataclass(frozen=True, kw_only=True)
class BackendSettings:
    """Limits of API calls (seconds, US dollars, counts) and placement of local models.

    `spent_usd` is what earlier runs of the same output have cost; `max_cost` counts it. Several models of one run
    share its ceiling through one `budget`, which then takes the place of both. `first_wait_s` is what the waits
    between retries grow from. Once `stopping` is set, no request is sent. `flight` counts the calls under way.
    With a `batch_file`, requests go into batches of the provider that are noted there. `on` names a Ray cluster whose
    `workers` share the limits.
    """

    concurrency: int = 16
    rpm: int | None = None
    tpm: int | None = None
    timeout: float = 120.0
    retries: int = 5
    max_cost: float | None = None
    allow_unpriced: bool = False
    api_base: str | None = None
    batch_size: int = 16
    device: str | None = None
    dtype: str = "auto"
    trust_remote_code: bool = False
    tensor_parallel_size: int = 1
    on: str | None = None
    workers: int | None = None
    spent_usd: float = 0.0
    budget: Budget | None = None
    first_wait_s: float = 1.0
    batch_file: str | None = None
    stopping: Stopping = field(default_factory=Stopping)
    flight: Flight = field(default_factory=Flight)
