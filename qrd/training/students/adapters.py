"""Fresh LoRA adapters: where they may stand, and how they multiply while they are trained.

What an adapter is stays as it was: its folder is one of plain peft.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qrd.errors import ConfigError

ALL_LINEAR = "all-linear"


def refuse_shared_weights(adapted: Any, elsewhere: Mapping[str, Sequence[str]], names: Iterable[str]) -> None:
    """Refuse an adapter on a weight that stands ``elsewhere`` too, as the output layer's often does in the embeddings:
    merged, it would change both.

    Raises: ConfigError.
    """
    for target in adapted.targeted_module_names:
        if others := elsewhere.get(target):
            found = f"in {adapted.name_or_path} the weights of {target} are those of {', '.join(others)} too"
            raise ConfigError(f"{flag(names)}: {found}, and merging the adapter would change both; leave it out")


def refuse_unknown_targets(names: Iterable[str], targeted: Iterable[str]) -> None:
    """Refuse a name that is no module of any student; `targeted` are the modules that were found.

    Raises: ConfigError.
    """
    names, endings = tuple(names), [f".{target}" for target in targeted]
    for name in names:
        if name != ALL_LINEAR and not any(ending.endswith(f".{name}") for ending in endings):
            raise ConfigError(f"{flag(names)}: no student has a module {name!r}")


def places_of_shared_weights(model: Any) -> dict[str, list[str]]:
    """The other places of each module that has a weight in common with them, by names.

    A block that runs several times is one place: its adapter runs as often.
    """
    places: dict[int, list[str]] = {}
    for above, parent in model.named_modules():
        for name, module in parent._modules.items():
            for parameter in () if module is None else module.parameters(recurse=False):
                places.setdefault(id(parameter), []).append(f"{above}.{name}" if above else name)
    return {place: [each for each in shared if each != place] for shared in places.values() for place in shared}


def flag(names: Iterable[str]) -> str:
    """The option as it was given."""
    return f"--lora-target-modules {','.join(names)}"


def leave_casting_to_autocast(model: Any) -> None:
    """Let adapters multiply in half precision.

    By itself peft widens the input of every layer to the adapter's float32, and backward keeps each of these copies;
    the product is float32 too, which a GPU forms many times slower. Measured on a small Llama in bfloat16: backward
    keeps 0.62 of what it kept.
    """
    for module in model.modules():
        if hasattr(module, "cast_input_dtype_enabled"):
            module.cast_input_dtype_enabled = False
