"""Taking secrets out of text before anybody sees or keeps it (messages, tracebacks, logs, manifests).

Secrets are the values of secret-looking environment variables, and user, password and query of every URL in the
environment, on the command line and in `--config` (`learn`). They are found in other clothes too: in another case,
escaped for URLs, HTML, JSON or Python (also twice), spaced or broken over lines, in base64 (also of `user:password`)
and hexadecimal, and cut, where eight characters in a row are left that are no mere word. What looks like a credential
is masked even where nobody knows its value. Not found: shorter pieces, other ciphers, a secret spelled backwards.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, TextIO
from urllib.parse import unquote

MASK = "***"
SHORTEST_SECRET = 8  # a shorter value, such as KEY=1, would mask half of every message
SHORTEST_PASSWORD = 6  # of a URL, whose place says that it is one
PIECE = 8  # characters in a row that give a secret away where it was cut
LONGEST_LINE = 300
MOST_COATS = 4  # escapes of escapes of escapes

_SECRET_NAME = re.compile(r"KEY|TOKEN(?!IZ)|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_OPTION = "QRD_"  # variables of options, such as QRD_FILTER_TOKENIZER: no option is a key
_USER_OF_URL = re.compile(r"://(\S+)@")
_QUERY_OF_URL = re.compile(r"://[^\s?]*\?([^\s#]+)")
_SHAPES = (
    re.compile(r"(?<=://)[^/\s'\"]+(?=@)"),  # user and password of a URL
    re.compile(r"(?i)(?<=bearer )[\w.~+/=-]{8,}"),
    re.compile(r"(?i)\b(?:(?:sk|pk|rk|csk|xai|glpat|nvapi|pplx)-[\w-]{12,}|xox[abprs]-[\w-]{10,}|github_pat_\w{20,})"),
    re.compile(r"(?i)\b(?:(?:hf|gsk|gh[opsu]|r8|fw|tgp_v1|[rs]k_live)_[A-Z0-9]{20,}|AIza[\w-]{20,}|AKIA[A-Z0-9]{16})"),
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"),  # a JSON web token
)
_QUERY = re.compile(r"(/[^\s'\"<>?]*\?)[^\s'\"<>)]*=[^\s'\"<>)]*")  # of a URL, or of its path alone
_NAMED = re.compile(  # a header, an argument or a key of JSON whose name says what it holds
    r"(?i)((?:authorization['\"]?\s*[:=]\s*['\"]?(?:basic|token|bearer)\s+"
    r"|(?:api[-_]?key|access[-_]?token|password|passwd|client[-_]?secret)['\"]?\s*[:=]\s*['\"]?(?=[^\s'\"]*\d)))"
    r"[^\s'\",;&<>)]{8,}"
)
_COAT = re.compile(
    r"%(?P<url>[0-9a-f]{2})|&(?P<html>\#x[0-9a-f]{1,6}|\#[0-9]{1,7}|[a-z]{2,8});"
    r"|\\u(?P<json>[0-9a-f]{4})|\\x(?P<python>[0-9a-f]{2})|\\(?P<other>[^ux])",
    re.IGNORECASE | re.DOTALL,
)
_learned: set[str] = set()

Bytes = list[tuple[int, int, int]]  # a byte of a text without its clothes, and from where to where that text holds it


def masked(text: str) -> str:
    """`text` without secrets, and without what looks like one."""
    text = _without(text, _known())
    for shape in _SHAPES:
        text = shape.sub(MASK, text)
    for shape in (_QUERY, _NAMED):
        text = shape.sub(rf"\1{MASK}", text)
    return text


def one_line(error: BaseException | str) -> str:
    """The first line of an error's text, masked, and cut to what a terminal shows: the one way to quote a library."""
    return (masked(str(error)).strip().splitlines() or [type(error).__name__])[0][:LONGEST_LINE]


def learn(text: str) -> None:
    """Take the credentials of the URLs in a text, such as a file of options, as secrets."""
    for word in re.split(r"[\s'\"]", text):
        _learned.update(_of_urls(word))


class MaskedStream:
    """A text stream that writes nothing unmasked: what libraries, their logs and tracebacks say passes here too."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text without secrets; its own length."""
        self._stream.write(masked(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each line without secrets."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _known() -> frozenset[str]:
    """The secrets of this moment."""
    found = set(_learned)
    for name, value in os.environ.items():
        if not name.startswith(_OPTION) and _SECRET_NAME.search(name) and len(value.strip()) >= SHORTEST_SECRET:
            found.add(value.strip())  # as it is sent
        if "://" in value:
            found.update(_of_urls(value))
    for word in sys.argv[1:]:
        if "://" in word:
            found.update(_of_urls(word))
    return frozenset(found)


def _of_urls(url: str) -> Iterator[str]:
    """The password of a URL (a user without one is a token), and the values of its query."""
    for user in _USER_OF_URL.findall(url):
        name, has_password, password = user.partition(":")
        yield from _long_enough(password if has_password else name, SHORTEST_PASSWORD)
    for query in _QUERY_OF_URL.findall(url):
        for pair in query.split("&"):
            yield from _long_enough(pair.partition("=")[2], SHORTEST_SECRET)


def _long_enough(secret: str, least: int) -> Iterator[str]:
    yield from (form for form in {secret, unquote(secret)} if len(form) >= least)


def _without(text: str, secrets: frozenset[str]) -> str:
    """The text with each secret masked, whatever it is clothed in."""
    if not secrets or not text:
        return text
    wholes, pieces = _searched(secrets)
    bare = _undressed(text)
    plain = bytes(byte for byte, _, _ in bare).decode("latin-1")
    hits = [(at, at + PIECE) for at in range(len(plain) - PIECE + 1) if plain[at : at + PIECE] in pieces]
    for whole in wholes:
        at = plain.find(whole)
        while at >= 0:
            hits.append((at, at + len(whole)))
            at = plain.find(whole, at + 1)
    return _cut_out(text, sorted((bare[start][1], bare[end - 1][2]) for start, end in hits))


def _cut_out(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with a mask in the place of each span; spans that meet are one."""
    kept: list[str] = []
    at = 0
    for start, end in spans:
        if start > at or not kept:
            kept += [text[at:start], MASK]
        at = max(at, end)
    return "".join([*kept, text[at:]])


@lru_cache(maxsize=8)
def _searched(secrets: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """What to look for in undressed text: whole secrets in every alphabet, and pieces of them."""
    wholes: set[str] = set()
    pieces: set[str] = set()
    for secret in secrets:
        raw = secret.encode("utf-8", "surrogatepass")
        encoded = list(_base64_forms(raw))
        for form in (secret, *encoded, raw.hex()):
            wholes.add(bytes(byte for byte, _, _ in _undressed(form)).decode("latin-1"))
        if not secret.startswith(("/", "~", ".")) and not any(map(str.isspace, secret)):  # no file, no sentence
            for form in (secret, *encoded):
                pieces.update(_pieces(form))
    return tuple(whole for whole in wholes if len(whole) >= SHORTEST_PASSWORD), frozenset(pieces)


def _pieces(form: str) -> Iterator[str]:
    """Pieces that are no mere word."""
    plain = bytes(byte for byte, _, _ in _undressed(form)).decode("latin-1")
    for at in range(len(plain) - PIECE + 1):
        piece = plain[at : at + PIECE]
        if not piece.isalpha() and not piece.isdigit():
            yield piece


def _base64_forms(raw: bytes) -> Iterator[str]:
    """The part of a base64 text that a secret alone decides, wherever in the encoded text it begins."""
    import base64

    for shift in range(3):
        text = base64.b64encode(bytes(shift) + raw).decode().rstrip("=")
        sure = text[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]
        yield sure
        yield sure.replace("+", "-").replace("/", "_")


def _undressed(text: str) -> Bytes:
    """The bytes of a text in lower case without escapes, blanks, and `+`, which stands for a blank in URLs."""
    bare = _without_blanks(_encoded(text, [(at, at + 1) for at in range(len(text))]))
    for _ in range(MOST_COATS):
        plain = bytes(byte for byte, _, _ in bare).decode("latin-1")
        if "%" not in plain and "&" not in plain and "\\" not in plain:
            break
        bare = _without_blanks(_peeled(plain, bare))
    return bare


def _without_blanks(bare: Bytes) -> Bytes:
    return [each for each in bare if each[0] not in b" \t\n\r\f\v+"]


def _peeled(plain: str, bare: Bytes) -> Bytes:
    """One coat of escapes fewer."""
    found: Bytes = []
    at = 0
    for coat in _COAT.finditer(plain):
        found += bare[at : coat.start()]
        found += _encoded(_inside(coat), [(bare[coat.start()][1], bare[coat.end() - 1][2])])
        at = coat.end()
    return found + bare[at:]


def _inside(coat: re.Match[str]) -> str | bytes:
    if coat["url"] or coat["python"]:
        return bytes.fromhex(coat["url"] or coat["python"])
    if coat["json"]:
        return chr(int(coat["json"], 16))
    if coat["html"]:
        from html import unescape

        return unescape(f"&{coat['html'].lower()};")
    return "" if coat["other"] in "nrt" else coat["other"]


def _encoded(text: str | bytes, places: list[tuple[int, int]]) -> Bytes:
    """The bytes of a text in lower case; each character's place, or the one place of them all."""
    if isinstance(text, bytes):
        return [(byte, *places[0]) for byte in text.lower()]
    shared = len(places) != len(text)
    return [
        (byte, *places[0 if shared else number])
        for number, character in enumerate(text)
        for byte in character.encode("utf-8", "surrogatepass").lower()
    ]
