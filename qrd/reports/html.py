"""A document as one HTML file: no other file, no request, and no text of a row that could act as markup or script.

Every text goes through the template's escaping; the browsable sample is a JSON island, escaped so that no byte of it
can end the element, and shown by `textContent` alone. The policy in the page's head forbids all loads and every script
and style but the two that stand here, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

import jinja2
import msgspec
from markupsafe import Markup

from qrd import __version__
from qrd.console import clean
from qrd.reports.document import Document
from qrd.reports.drawing.svg import style_sheet
from qrd.reports.facts.sample import Json

_HARMLESS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def rendered(document: Document) -> str:
    """The text of the HTML file."""
    style, script = _part("page.css") + style_sheet(), _part("page.js")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, finalize=_printable, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_part("page.html")).render(
        document=document,
        style=Markup(style),
        script=Markup(script),
        policy=policy(style, script),
        island=island(document.sample),
        version=__version__,
    )


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy of a page with this style and this script."""
    return (
        f"default-src 'none'; script-src 'sha256-{_hash(script)}'; style-src 'sha256-{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def island(value: list[Json]) -> Markup:
    """JSON that is safe between the tags of a script element: it holds no character that markup knows.

    Example: "</script>" is "\\u003c/script\\u003e".
    """
    text = msgspec.json.encode(value).decode()
    for character, escaped in _HARMLESS.items():
        text = text.replace(character, escaped)
    return Markup(text)


def _printable(value: object) -> object:
    """What the template is about to print, without control characters; markup of ours has none."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _part(name: str) -> str:
    return (files("qrd.reports") / "page" / name).read_text("utf-8")
