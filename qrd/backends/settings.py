"""The part of a command's configuration that backends need."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class BackendSettings:
    """Limits of API calls (seconds, US dollars, counts) and placement of local models.

    `spent_usd` is what earlier runs of the same output have cost; `max_cost` counts it. `adapter` is a PEFT folder
    put on a local model.
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
    spent_usd: float = 0.0
