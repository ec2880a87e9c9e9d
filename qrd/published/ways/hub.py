"""Rows of a data set on the hub, through the package datasets where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qrd.errors import ConfigError, needs
from qrd.masking import one_line
from qrd.published.row import Published


@dataclass(frozen=True)
class Hub:
    """Where a data set is on the hub.

    `subsets` are its parts, the first of them (with `every`, all of them in order) being what is meant where none is
    named; `in_split` says that a part is an ending of the split's name (`train_r1`), not a configuration.
    """

    repository: str
    subsets: tuple[str, ...] = ()
    every: bool = False
    in_split: bool = False

    def parts(self, split: str, subset: str | None) -> list[tuple[str | None, str]]:
        """(configuration, split) of each part to read.

        Raises: ConfigError for a subset that is not there.
        """
        if subset is not None and subset not in self.subsets:
            known = ", ".join(self.subsets) or "none: it has no subsets"
            raise ConfigError(f"--subset: {subset!r} is not in {self.repository}; it has {known}")
        chosen = (subset,) if subset else self.subsets if self.every else self.subsets[:1]
        if self.in_split:
            return [(None, f"{split}_{part}") for part in chosen]
        return [(part, split) for part in chosen or (None,)]


def rows(hub: Hub, split: str, subset: str | None) -> Iterator[Published]:
    """The rows of a split, parts in order.

    Raises: ConfigError where the package is not installed or the hub does not give the data set.
    """
    parts = hub.parts(split, subset)
    try:
        import datasets
    except ImportError:
        raise needs("--hub", "datasets", "hub") from None
    for configuration, name in parts:
        place = "/".join(part for part in (hub.repository, configuration, name) if part)
        try:
            found = datasets.load_dataset(hub.repository, configuration, split=name)
        except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
            raise ConfigError(f"{place}: the hub did not give this data set: {one_line(error)}") from None
        for position, fields in enumerate(found):
            yield Published(fields, place, place=f"[{position}]")
