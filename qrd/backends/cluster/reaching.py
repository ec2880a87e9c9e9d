"""A Ray cluster: how to reach it, what a worker needs of it, and how many workers it has room for."""

from __future__ import annotations

import logging
import os
import signal
from typing import Any

from qrd import errors
from qrd.backends.settings import BackendSettings
from qrd.errors import ConfigError
from qrd.masking import one_line
from qrd.models import names


def connected(on: str) -> Any:
    """The module ray, connected to `ray://HOST:PORT`; for `ray` to the cluster at hand, else to one started here.

    Raises: ConfigError where Ray is not installed or the cluster cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")  # else, where its cluster is lost, Ray starts one of its own
    try:
        import ray
    except ImportError:
        raise errors.needs("--on", "Ray", "ray") from None
    if ray.is_initialized():
        return ray
    # Ray puts handlers of its own on the signals that mean "stop and say how to go on" here.
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        if on.startswith("ray://"):
            ray.init(address=on, logging_level=logging.ERROR, log_to_driver=False)
        else:
            ray.init(logging_level=logging.ERROR, log_to_driver=False)
    except Exception as error:  # noqa: BLE001  a cluster that does not start in time is a bare Exception of Ray's
        raise ConfigError(f"--on {on}: cannot be reached: {_reason(error)}{_hint(on)}") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return ray


def _reason(error: Exception) -> str:
    """What a cluster that turned a client away says: its own traceback, whose cause stands last, follows a heading."""
    told = [line.strip() for line in str(error).splitlines() if line.strip()]
    return one_line(" ".join([told[0], told[-1]] if len(told) > 1 else told) or error)


def _hint(on: str) -> str:
    """What Ray does not say where a cluster turns a client away: its connection only times out."""
    if not on.startswith("ray://") or os.environ.get("RAY_AUTH_MODE"):
        return ""
    return "; a cluster with token authentication wants RAY_AUTH_MODE=token and RAY_AUTH_TOKEN here"


def needs(model: str, settings: BackendSettings, all_gpus: float) -> dict[str, float]:
    """What one worker takes: GPUs for a local model where there are any, else a processor; nothing for an API."""
    if not names.kind_of(model).takes_device:
        return {}
    if not all_gpus or settings.device == "cpu":
        return {"CPU": 1.0}
    return {"GPU": float(settings.tensor_parallel_size if names.parsed(model).kind == "vllm" else 1)}


def num_workers(ray: Any, model: str, settings: BackendSettings) -> int:
    """How many workers a model gets: as asked, else one on each node, or as many as its GPUs or processors allow.

    Raises: ConfigError where there is no room for one, or for as many as asked; where limits cannot be shared.
    """
    one = needs(model, settings, ray.cluster_resources().get("GPU", 0))
    free = ray.available_resources()
    room = min((int(free.get(name, 0) // amount) for name, amount in one.items()), default=2**31)
    if room < (settings.workers or 1):
        told = " and ".join(f"{amount:g} {name}" for name, amount in one.items())
        raise ConfigError(
            f"--on: a worker of {model} needs {told}; there is room for {room} of {settings.workers or 1}"
        )
    shared = {name: getattr(settings, name) for name in ("concurrency", "rpm", "tpm")}
    least = min(value for value in shared.values() if value is not None)
    if settings.workers is not None and settings.workers > least and not one:
        told = next(name for name, value in shared.items() if value == least)
        raise ConfigError(f"--workers {settings.workers}: are too many to share --{told} {least}")
    wanted = settings.workers or (room if one else sum(node["Alive"] for node in ray.nodes()))
    return wanted if one else min(wanted, least)


def share(limit: int | None, number: int, of: int) -> int | None:
    """What worker `number` (from 0) gets of a limit that holds for all of them; the shares sum up to it.

    Example: 16 among 3 is 6, 5, 5.
    """
    return None if limit is None else limit // of + (number < limit % of)
