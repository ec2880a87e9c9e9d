"""SVG elements whose every text is escaped, and figures made of them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from markupsafe import Markup

from qrd.console import clean

WIDTH = 360  # of a figure, in CSS pixels: a phone shows it at its natural size
CHAR_WIDTH = 6.8  # of the 11.5-pixel type that figures are set in, on average
NUM_COLOURS = 8
DASHES = ("", "7 3", "2 3", "9 3 2 3")


@dataclass(frozen=True)
class Figure:
    """A picture with a title; `slug` is the stem of its file, `note` says below it how to read it.

    `is_wide` figures are not to be set beside others.
    """

    slug: str
    title: str
    body: Markup
    height: float
    note: str = ""
    width: float = WIDTH
    is_wide: bool = False

    def inline(self) -> Markup:
        """The SVG element for a page that brings the style along."""
        return self._svg(Markup(""))

    def standalone(self) -> str:
        """The text of an SVG file that needs nothing else."""
        style = Markup("<style>{}</style>").format(Markup(style_sheet()))
        return f"{self._svg(style)}\n"

    def _svg(self, style: Markup) -> Markup:
        title = element("title", self.title)
        text = element("text", shortened(self.title, self.width), x=0, y=14, class_="title")
        return element(
            "svg",
            title,
            style,
            text,
            self.body,
            xmlns="http://www.w3.org/2000/svg",
            role="img",
            class_="figure",
            viewBox=f"0 0 {number(self.width)} {number(self.height)}",
            width=self.width,
            height=self.height,
        )


def style_sheet() -> str:
    """The rules that colour figures, for a light and a dark background."""
    return (files("qrd.reports") / "page" / "figure.css").read_text("utf-8")


def element(name: str, *children: str | Markup, **attributes: object) -> Markup:
    """The element; texts in it and in its attributes are escaped, unless they are Markup already.

    Example: element("text", "a < b", x=1, class_="tick") is <text x="1" class="tick">a &lt; b</text>.
    """
    words = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), number(value) if _counts(value) else value)
        for key, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(child if isinstance(child, Markup) else clean(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), words, inner)


def number(value: object) -> str:
    """A coordinate with one decimal at most, which is finer than a screen."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def _counts(value: object) -> bool:
    return isinstance(value, (int, float))


def shortened(text: str, width: float) -> str:
    """The text as far as `width` pixels hold it, in one line."""
    line, room = " ".join(text.split()), max(4, int(width / CHAR_WIDTH))
    return line if len(line) <= room else f"{line[: room - 1]}…"


def legend(names: list[str], *, y: float, width: float = WIDTH, has_lines: bool = False) -> tuple[Markup, float]:
    """(swatches with names, in rows from `y` on; the y below them)."""
    parts, x = [], 0.0
    for index, name in enumerate(names):
        text = shortened(name, width - 30)
        needed = 28 + CHAR_WIDTH * len(text)
        if x and x + needed > width:
            x, y = 0.0, y + 17
        parts.append(swatch(index, x=x, y=y, is_line=has_lines))
        parts.append(element("text", text, x=x + 22, y=y + 4, class_="label"))
        x += needed + 6
    return Markup("").join(parts), y + 17


def swatch(index: int, *, x: float, y: float, is_line: bool) -> Markup:
    """The sign of series `index`: a piece of its line with its mark, or a patch of its colour."""
    if not is_line:
        return element("rect", x=x, y=y - 5, width=16, height=10, rx=2, class_=f"fill{index % NUM_COLOURS}")
    line = element(
        "line", x1=x, y1=y, x2=x + 17, y2=y, class_=f"line{index % NUM_COLOURS}", stroke_dasharray=dash(index)
    )
    return line + mark(index, x=x + 8.5, y=y)


def dash(index: int) -> str | None:
    """The dashes of series `index`, so that no two series differ by colour alone."""
    return DASHES[index % len(DASHES)] or None


def mark(index: int, *, x: float, y: float) -> Markup:
    """The mark of series `index`: a circle, square, diamond or triangle."""
    kind, style = index % 4, f"fill{index % NUM_COLOURS}"
    if kind == 0:
        return element("circle", cx=x, cy=y, r=3.2, class_=style)
    if kind == 1:
        return element("rect", x=x - 2.8, y=y - 2.8, width=5.6, height=5.6, class_=style)
    up, down = (4.2, 4.2) if kind == 2 else (3.8, 2.6)
    points = [(x, y - up), (x + 3.8, y if kind == 2 else y + down), *([(x, y + down)] if kind == 2 else [])]
    points.append((x - 3.8, y if kind == 2 else y + down))
    return element("polygon", points=" ".join(f"{number(a)},{number(b)}" for a, b in points), class_=style)
