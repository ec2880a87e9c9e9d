"""The desk: a stand-in for the batch API of OpenAI's protocol, which writes down what was submitted.

Plan: `looks` (how often a batch is looked at before it is over), `status` (what it is then: completed, expired,
failed), `retry_after` (each call is refused, with a 429 that asks to wait so long), `fails` and `unrun` (a text:
requests that hold it fail with 400, or were not run when it expired), `verdict` (answers as a judge), `answer` (a
call: the JSON of its answer), `lose` (calls, from 1, whose answer is lost: "create" numbers).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import threading

from aiohttp import web

from tests.kit import ledger


class Desk:
    """What was submitted and what became of it."""

    def __init__(self, plan):
        self.plan, self.files, self.batches, self.looks = plan, {}, {}, {}
        self.url, self.num_creates, self.num_refused, self.keys = "", 0, 0, set()

    def app(self):
        app = web.Application(client_max_size=2**26, middlewares=[self.busy])
        app.router.add_post("/v1/files", self.upload)
        app.router.add_post("/v1/batches", self.create)
        app.router.add_get("/v1/batches", self.list)
        app.router.add_get("/v1/batches/{id}", self.look)
        app.router.add_get("/v1/files/{id}/content", self.content)
        return app

    @web.middleware
    async def busy(self, request, handler):
        if "retry_after" not in self.plan:
            return await handler(request)
        self.num_refused += 1
        headers = {"Retry-After": str(self.plan["retry_after"])}
        return web.json_response({"error": {"message": "busy"}}, status=429, headers=headers)

    def requests(self):
        """Every request of every batch, with its message."""
        return [
            json.loads(line)["body"]["messages"][0]["content"]
            for batch in self.batches.values()
            for line in self.files[batch["input_file_id"]].splitlines()
        ]

    async def upload(self, request):
        self.keys.add(request.headers.get("Authorization"))
        form = await request.post()
        assert form["purpose"] == "batch"
        return web.json_response({"id": self._file(form["file"].file.read()), "object": "file"})

    async def create(self, request):
        told = await request.json()
        self.num_creates += 1
        name = f"batch-{self.num_creates}"
        self.batches[name] = {"id": name, "status": "in_progress", **told}
        if self.num_creates in self.plan.get("lose", ()):
            request.transport.abort()
        return web.json_response(self.batches[name])

    async def list(self, request):
        names = list(self.batches)
        begin = names.index(request.query["after"]) + 1 if "after" in request.query else 0
        page = names[begin : begin + 2]
        more = begin + 2 < len(names)
        return web.json_response({"data": [self.batches[name] for name in page], "has_more": more})

    async def look(self, request):
        batch = self.batches[request.match_info["id"]]
        self.looks[batch["id"]] = self.looks.get(batch["id"], 0) + 1
        if batch["status"] == "in_progress" and self.looks[batch["id"]] > self.plan.get("looks", 0):
            self._finish(batch)
        return web.json_response(batch)

    async def content(self, request):
        return web.Response(body=self.files[request.match_info["id"]])

    def _finish(self, batch):
        batch["status"] = self.plan.get("status", "completed")
        if batch["status"] == "failed":
            batch["errors"] = {"data": [{"message": "the file is not to our liking"}]}
            return
        done, wrong = [], []
        for raw in self.files[batch["input_file_id"]].splitlines():
            line = json.loads(raw)
            (wrong if "error" in (answer := self._answer(line)) else done).append(answer)
        # Answers come in any order.
        batch["output_file_id"] = self._file(b"".join(json.dumps(line).encode() + b"\n" for line in done[::-1]))
        if wrong:
            batch["error_file_id"] = self._file(b"".join(json.dumps(line).encode() + b"\n" for line in wrong))

    def _answer(self, line):
        name, text = line["custom_id"], json.dumps(line["body"])
        if self.plan.get("unrun", "\0") in text and self.plan.get("status") == "expired":
            return {"custom_id": name, "response": None, "error": {"code": "batch_expired", "message": "too late"}}
        if self.plan.get("fails", "\0") in text:
            body = {"error": {"message": "the plan says 400"}}
            return {"custom_id": name, "response": {"status_code": 400, "body": body}, "error": {"code": "bad"}}
        call = {"call": 0, "digest": hashlib.sha256(text.encode()).hexdigest(), "body": line["body"]}
        if "answer" in self.plan:
            return {"custom_id": name, "response": {"status_code": 200, "body": self.plan["answer"](call)}}
        said = self.plan["say"](call) if "say" in self.plan else ledger.own_text(call)
        return {"custom_id": name, "response": {"status_code": 200, "body": ledger.completion(call, said)}}

    def _file(self, content):
        name = f"file-{len(self.files) + 1}"
        self.files[name] = content
        return name


@contextlib.contextmanager
def serving(**plan):
    """A desk in a thread of this process."""
    desk, loop, started, stop = Desk(plan), asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def live():
        async with ledger.running(desk) as url:
            desk.url = url
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(live(),), daemon=True)
    thread.start()
    assert started.wait(20), "the desk did not start"
    try:
        yield desk
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
