"""Experiment trackers of --report-to, through accelerate."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from qrd.errors import ConfigError


def available_trackers(names: Sequence[str]) -> list[str]:
    """The trackers asked for.

    Raises: ConfigError for one that accelerate does not know or whose package is not installed.
    """
    from accelerate.utils import LoggerType

    known = [str(name) for name in LoggerType.list() if str(name) != "all"]
    for name in names:
        if name not in known:
            raise ConfigError(f"--report-to: {name!r} is not one of {', '.join(known)}")
        if importlib.util.find_spec(name) is None:
            raise ConfigError(f"--report-to {name}: the package {name} is not installed")
    return list(names)
