"""The batch protocol of OpenAI's API: a file of requests goes up, a batch is made of it, a file of answers comes down.

Source: https://platform.openai.com/docs/guides/batch
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from qrd.backends.api.client import body_of
from qrd.backends.api.direct import Endpoint, exchanged, headers_of, proxy_for, url_below
from qrd.backends.api.refusals import CallFailed, Refusal
from qrd.backends.protocol import Request
from qrd.backends.settings import BackendSettings
from qrd.errors import BackendError

MOST_BYTES = 2**30
MOST_PAGES, PAGE = 20, 100
OVER = frozenset({"completed", "expired", "cancelled"})


@dataclass(frozen=True)
class Told:
    """What the provider says of a batch; `files` are those of answers and of errors."""

    id: str
    status: str
    files: tuple[str, ...]
    problem: str = ""


class BatchCalls:
    """The five calls of the protocol, each retried where that is safe. Raises: BackendError."""

    def __init__(self, model: str, endpoint: Endpoint, settings: BackendSettings) -> None:
        self.model, self.endpoint, self.settings = model, endpoint, settings

    def lines(self, requests: Iterable[Request]) -> Iterator[bytes]:
        """The line of each request in the file to go up; the n-th is called n."""
        for number, request in enumerate(requests):
            body = {"model": self.endpoint.name, **body_of(request, takes_seed=True)}
            line = {"custom_id": str(number), "method": "POST", "url": "/v1/chat/completions", "body": body}
            yield msgspec.json.encode(line) + b"\n"

    def upload(self, content: bytes) -> str:
        """The provider's name of a file that went up. Nothing is billed for one that is not used."""
        import aiohttp

        def form() -> Any:
            data = aiohttp.FormData()
            data.add_field("purpose", "batch")
            data.add_field("file", content, filename="requests.jsonl", content_type="application/jsonl")
            return data

        return str(self._object("POST", "files", form=form)["id"])

    def create(self, file: str, token: str) -> str:
        """The provider's name of a batch made of a file. Never tried again where no answer came."""
        told = {
            "input_file_id": file,
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "metadata": {"qrd": token},
        }
        return str(self._object("POST", "batches", told=told, is_safe=False)["id"])

    def find(self, token: str) -> str | None:
        """The provider's name of the batch that we called `token`; None where it has none."""
        after = ""
        for _ in range(MOST_PAGES):
            page = self._object("GET", "batches", query={"limit": str(PAGE), **({"after": after} if after else {})})
            found = [item for item in page.get("data") or [] if isinstance(item, dict)]
            for item in found:
                if (item.get("metadata") or {}).get("qrd") == token:
                    return str(item["id"])
            if not (found and page.get("has_more")):
                return None
            after = str(found[-1]["id"])
        return None

    def look(self, batch: str) -> Told:
        """How far a batch is."""
        found = self._object("GET", f"batches/{batch}")
        files = tuple(str(found[name]) for name in ("output_file_id", "error_file_id") if found.get(name))
        errors = (found.get("errors") or {}).get("data") or []
        problem = "; ".join(str(error.get("message")) for error in errors[:3] if isinstance(error, dict))
        return Told(batch, str(found.get("status")), files, problem)

    def answers(self, file: str) -> Iterator[dict[str, Any]]:
        """The lines of a file that came down; what is no JSON object is passed over."""
        for line in self._exchange("GET", f"files/{file}/content").splitlines():
            try:
                found = msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            if isinstance(found, dict):
                yield found

    def _object(self, method: str, place: str, **given: Any) -> dict[str, Any]:
        try:
            found = msgspec.json.decode(self._exchange(method, place, **given))
        except (msgspec.DecodeError, UnicodeDecodeError):
            found = None
        if not isinstance(found, dict):
            raise BackendError(f"{self.model}: {place}: the answer is no JSON object")
        return found

    def _exchange(self, method: str, place: str, **given: Any) -> bytes:
        return asyncio.run(self._tried(method, place, **given))

    async def _tried(
        self,
        method: str,
        place: str,
        *,
        told: Any = None,
        form: Callable[[], Any] | None = None,
        query: dict[str, str] | None = None,
        is_safe: bool = True,
    ) -> bytes:
        attempts = 0
        while True:
            attempts += 1
            try:
                return await self._once(method, place, told, form() if form else None, query)
            except CallFailed as failure:
                refusal = failure.refusal
                may_go_on = refusal.kind == "passing" and (is_safe or not refusal.may_be_billed)
                may_go_on = may_go_on and not refusal.asks_too_long
                if not may_go_on or attempts > self.settings.retries or self.settings.stopping.is_set():
                    raise self._over(place, refusal) from None
                await asyncio.sleep((refusal.retry_after_s or 0) + random.uniform(0, self._longest_s(attempts)))

    def _longest_s(self, attempts: int) -> float:
        return min(60.0, self.settings.first_wait_s * 2.0 ** (attempts - 1))

    def _over(self, place: str, refusal: Refusal) -> BackendError:
        what = "refused for good" if refusal.kind == "permanent" else "no answer that helps"
        if refusal.asks_too_long:
            what = f"asks to wait {refusal.retry_after_s:.0f} s"
        return BackendError(f"{self.model}: {place}: {what}: {refusal.message}; the same command goes on")

    async def _once(self, method: str, place: str, told: Any, form: Any, query: dict[str, str] | None) -> bytes:
        import aiohttp

        url = url_below(self.endpoint, place)
        url = url.update_query(query) if query else url
        headers = headers_of(self.endpoint)
        if told is not None:
            headers["Content-Type"] = "application/json"
        silent_s = self.settings.timeout
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=silent_s, sock_read=silent_s)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as session:
            data = form if form is not None else msgspec.json.encode(told) if told is not None else None
            call = session.request(
                method, url, data=data, headers=headers, timeout=timeout, proxy=proxy_for(url), allow_redirects=False
            )
            return await exchanged(call, silent_s, MOST_BYTES)
