"""The frame of a plot: scales, round ticks, titles of both axes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from qrd.reports.drawing.svg import WIDTH, element

LEFT, RIGHT, TOP, BOTTOM = 46.0, 8.0, 40.0, 38.0


@dataclass(frozen=True)
class Frame:
    """Where the values of a plot stand: `x` and `y` are the ends of its axes, in the units of the data."""

    x: tuple[float, float]
    y: tuple[float, float]
    plot_height: float = 150.0
    width: float = WIDTH

    @property
    def bottom(self) -> float:
        """The y of the lower axis, in pixels."""
        return TOP + self.plot_height

    def at_x(self, value: float) -> float:
        """The pixel of a value on the lower axis."""
        return LEFT + (self.width - LEFT - RIGHT) * _share(value, self.x)

    def at_y(self, value: float) -> float:
        """The pixel of a value on the left axis."""
        return self.bottom - self.plot_height * _share(value, self.y)

    def drawn(self, *, x_title: str, y_title: str, whole_x: bool = False) -> Markup:
        """Grid, ticks and titles."""
        parts = [element("text", y_title, x=0, y=30, class_="label")]
        for value, text in ticks(*self.y):
            y = self.at_y(value)
            parts.append(element("line", x1=LEFT, x2=self.width - RIGHT, y1=y, y2=y, class_="grid"))
            parts.append(element("text", text, x=LEFT - 6, y=y + 4, class_="tick", text_anchor="end"))
        for value, text in ticks(*self.x, about=5, whole=whole_x):
            parts.append(
                element("text", text, x=self.at_x(value), y=self.bottom + 15, class_="tick", text_anchor="middle")
            )
        middle = (LEFT + self.width - RIGHT) / 2
        parts.append(element("text", x_title, x=middle, y=self.bottom + 31, class_="label", text_anchor="middle"))
        parts.append(element("line", x1=LEFT, x2=self.width - RIGHT, y1=self.bottom, y2=self.bottom, class_="axis"))
        return Markup("").join(parts)


def _share(value: float, ends: tuple[float, float]) -> float:
    low, high = ends
    return (value - low) / (high - low) if high > low else 0.5


def ends_of(values: list[float], *, from_zero: bool = False) -> tuple[float, float]:
    """The ends of an axis that holds all values, widened to round numbers.

    Example: 1.07 and 3.9 give 1 and 4.
    """
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    low = min(low, 0.0) if from_zero else low
    if high - low < 1e-9 * max(1.0, abs(high)):
        spare = abs(high) / 2 or 0.5
        low, high = low - (0.0 if from_zero else spare), high + spare
    step = _step(low, high, 4)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def ticks(low: float, high: float, *, about: int = 4, whole: bool = False) -> list[tuple[float, str]]:
    """(value, text) of about so many round numbers from `low` to `high`; with `whole` no fractions."""
    step = _step(low, high, about)
    step = max(1.0, round(step)) if whole else step
    first = math.ceil(low / step - 1e-9)
    count = min(12, int(high / step + 1e-9) - first + 1)
    return [((first + k) * step, in_words((first + k) * step, step)) for k in range(count)]


def _step(low: float, high: float, about: int) -> float:
    raw = (high - low) / about
    if not (math.isfinite(raw) and raw > 0):
        return 1.0
    size = 10.0 ** math.floor(math.log10(raw))
    return next((size * factor for factor in (1, 2, 2.5, 5) if size * factor >= raw * 0.999), 10 * size)


def in_words(value: float, step: float) -> str:
    """A tick's number with as many decimals as its step needs."""
    if abs(value) < step / 1e6:
        return "0"
    if abs(value) >= 1e5 or step < 1e-4:
        return f"{value:.3g}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    decimals += not math.isclose(round(step, decimals), step, rel_tol=1e-6)
    return f"{value:,.{decimals}f}"
