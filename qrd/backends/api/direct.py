"""Calls to servers that speak OpenAI's protocol, without litellm: a sixth of its work for each call.

The key is sent to the host of the endpoint and nowhere else: no redirect is followed, and only a proxy that the
environment names, for a host that is not this machine, stands in between.
"""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.request import getproxies, proxy_bypass

import msgspec

from qrd.backends.api.client import MAX_REPLY_BYTES, TOO_LONG, Answer, body_of
from qrd.backends.api.refusals import CallFailed, answered, late, may_be_sent, unanswered
from qrd.backends.api.replies import answer_of
from qrd.backends.api.words import told_by
from qrd.backends.hosts import HOSTS, base_of
from qrd.backends.protocol import Request
from qrd.backends.settings import BackendSettings
from qrd.errors import ConfigError
from qrd.masking import masked, one_line

if TYPE_CHECKING:
    from aiohttp import ClientResponse
    from yarl import URL


# OpenAI's models that want other names for the options, or refuse some: litellm knows which.
_PECULIAR = re.compile(r"(o\d|gpt-5|codex|responses/|computer-use|.*(audio|realtime|search))")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
IDLE_S = 4.0  # common servers close a connection that is idle for five seconds, and a call sent just then is lost
CONNECT_S = 30.0  # aiohttp's own; below --timeout, so that a call that got no connection is known not to be sent


class Endpoint(NamedTuple):
    """Where a model is called, what it is called there, and the key, if any."""

    base: str
    name: str
    key: str | None
    organization: str | None = None


def endpoint_of(model: str, api_base: str | None) -> Endpoint | None:
    """The endpoint of a model that can be called directly; None for any other.

    Raises: ConfigError where its key is missing.
    """
    prefix, slash, name = model.partition("/")
    host = HOSTS.get(prefix)
    if not (host and slash and name) or (prefix == "openai" and _PECULIAR.match(name)):
        return None
    base = base_of(model, api_base) or host.base
    key = os.environ.get(host.key_name, "").strip() or None  # of a file, it may bring the end of a line along
    if base is None:
        return None  # litellm says what is missing
    if base == host.base and key is None and host.needs_key:
        raise ConfigError(f"{model}: needs a key; set the environment variable {host.key_name}")
    organization = os.environ.get("OPENAI_ORGANIZATION") or os.environ.get("OPENAI_ORG_ID")
    return Endpoint(base, name, key, organization if prefix == "openai" and base == host.base else None)


class DirectClient:
    """Calls one model at one endpoint. Raises, when made: ConfigError for an endpoint that is no URL."""

    def __init__(self, endpoint: Endpoint, settings: BackendSettings) -> None:
        self.endpoint, self.timeout_s = endpoint, settings.timeout
        self.address = masked(endpoint.base)
        self._url = url_below(endpoint, "chat/completions")
        self._proxy = proxy_for(self._url)
        self._headers = {"Content-Type": "application/json", **headers_of(endpoint)}
        self._session: Any = None

    async def open(self) -> None:
        """Get ready for calls in the running loop."""
        self._session = session(self.timeout_s)

    async def call(self, request: Request) -> Answer:
        """The answer to one call. Raises: CallFailed."""
        body = msgspec.json.encode({"model": self.endpoint.name, **body_of(request, takes_seed=True)})
        posted = self._session.post(
            self._url, data=body, headers=self._headers, proxy=self._proxy, allow_redirects=False
        )
        return _read(await exchanged(posted, self.timeout_s))

    async def close(self) -> None:
        """Let go of connections."""
        await self._session.close()


def headers_of(endpoint: Endpoint) -> dict[str, str]:
    """What is said of oneself with each call."""
    own = {"Accept-Encoding": "identity", "User-Agent": "qrd"}  # a compressed answer could be of any length
    if endpoint.key is not None:
        own["Authorization"] = f"Bearer {endpoint.key}"
    if endpoint.organization is not None:
        own["OpenAI-Organization"] = endpoint.organization
    return own


def session(timeout_s: float) -> Any:
    """A session of aiohttp without cookies, `.netrc` and limits of its own; `timeout_s` bounds each call as a whole."""
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_S),
        auto_decompress=False,
        trust_env=False,
    )


async def exchanged(call: Any, timeout_s: float, most_bytes: int = MAX_REPLY_BYTES) -> bytes:
    """The body of a call's answer.

    Raises: CallFailed for no whole answer, one that is too long, and one that is a refusal.
    """
    import aiohttp

    try:
        async with call as response:
            raw = await _whole(response, most_bytes)
    except (asyncio.TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        was_sent = may_be_sent(error)
        if was_sent and isinstance(error, asyncio.TimeoutError):
            raise CallFailed(late(timeout_s)) from None
        raise CallFailed(unanswered(f"{type(error).__name__}: {one_line(error)}", was_sent=was_sent)) from None
    if response.status >= 300:
        raise CallFailed(answered(response.status, _told(response, raw), response.headers))
    return raw


async def _whole(response: ClientResponse, most_bytes: int) -> bytes:
    parts, num_bytes = [], 0
    while part := await response.content.readany():
        parts.append(part)
        num_bytes += len(part)
        if num_bytes > most_bytes:
            raise CallFailed(TOO_LONG)
    return b"".join(parts)


def _told(response: ClientResponse, raw: bytes) -> str:
    """Status and words of a refusal, in one line."""
    if 300 <= response.status < 400:
        to = response.headers.get("Location", "nowhere")
        return f"{response.status}: redirects to {to}; a key follows no redirect, so give that as --api-base"
    return f"{response.status}: {told_by(raw) or response.reason}"


def _read(raw: bytes) -> Answer:
    """The answer in a body. Raises: CallFailed where it is none."""
    try:
        completion = msgspec.json.decode(raw.removeprefix(BYTE_ORDER_MARK))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CallFailed(unanswered(f"the answer is not JSON: {told_by(raw)}")) from None
    return answer_of(completion)


def url_below(endpoint: Endpoint, place: str) -> URL:
    """The URL of a place below the endpoint's base; a user in it makes room for the key.

    Raises: ConfigError where the base is no URL.
    """
    import yarl

    try:
        base = yarl.URL(endpoint.base)
        if base.scheme not in ("http", "https") or not base.host:
            raise ValueError("expected http://HOST/… or https://HOST/…")
    except ValueError as error:
        raise ConfigError(f"--api-base: {masked(endpoint.base)!r} is no URL: {one_line(error)}") from None
    if endpoint.key is not None:
        base = base.with_user(None)
    return base.with_path(f"{base.path.rstrip('/')}/{place}").with_query(base.query)


def proxy_for(url: URL) -> str | None:
    """The proxy that the environment names for a URL; none for this machine itself."""
    host = url.host or ""
    if host in ("localhost", "127.0.0.1", "::1") or proxy_bypass(host):
        return None
    return getproxies().get(url.scheme)
