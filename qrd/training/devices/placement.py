"""Which device each student lives on: `--device`."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from qrd.errors import ConfigError
from qrd.masking import one_line


def place_students(texts: Sequence[str], names: Sequence[str], default: torch.device) -> dict[str, torch.device]:
    """The device of each student, in their order.

    `texts` are what `--device` says: NAME=DEVICE for one student, a lone DEVICE for all that are not named; those
    left get `default`. Each has the number of its card, so that two names of one card are one device.

    Example: ``["cuda:0", "b=cuda:1"]`` puts a on cuda:0 and b on cuda:1.
    Raises: ConfigError for an unknown student, a student named twice, or a device that is not there.
    """
    found: dict[str, torch.device] = {}
    for text in texts:
        name, equals, device = text.rpartition("=")
        if equals and name not in names:
            raise ConfigError(f"--device: no student is named {name!r}; they are {', '.join(names)}")
        if name in found:
            raise ConfigError(f"--device: {name or 'all students'} placed twice, on {found[name]} and on {device}")
        found[name] = _usable(device, text)
    rest = found.get("") or (default if default.index is not None else torch.empty(1, device=default).device)
    return {name: found.get(name, rest) for name in names}


def _usable(device: str, text: str) -> torch.device:
    """The device, once something was put on it."""
    try:
        usable = torch.empty(1, device=device).device
    # AssertionError is what torch raises for a kind of device that it was built without.
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(f"--device {text}: cannot be used here ({one_line(error)})") from None
    if usable.type == "meta":
        raise ConfigError(f"--device {text}: holds no numbers; give cpu, cuda:N or another device of torch")
    return usable
