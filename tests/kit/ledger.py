"""The ledger: an OpenAI-compatible server that writes down every call before it answers, and misbehaves by plan.

It is the referee of what was asked and billed. A plan is JSON::

    {"seed": 7, "latency_s": [0.005, 0.03], "rules": [{"do": "status", "status": 429, "retry_after": 1, "calls": [1]},
                                                       {"do": "hang", "probability": 0.03}]}

The first rule that applies to a call decides; without one the call gets a text that is a function of the request. A
rule applies to the calls that meet all of its conditions:

    calls        numbers of the call, from 1, over the whole life of the server
    attempts     how often this same request has come, from 1
    contains     a text in the request's body
    over         calls in flight, this one counted, that are more than so many
    beyond       [rate, burst]: calls beyond so many a second, after a first burst, as a bucket of tokens counts them
    probability  drawn from the seed, the request and its attempt: the order of arrival does not matter

A rule may have a `latency_s` of its own. What it can do: `status` (status, retry_after, message), `reset_before`,
`reset_mid`, `reset_after`, `hang`, `drip` (every_s), `garbage`, `empty_choices`, `null_content`, `content_filter`,
`length`, `body` (status, body: any JSON, or raw: any text), `huge` (num_bytes), `redirect` (location), `text` (text),
`verdict` (verdict, finish_reason; answers a judge's prompt in the form that it asks for).

As a child process: ``python -m tests.kit.ledger --file calls.jsonl [--plan plan.json] [--port 0]`` prints one line
``{"url": ...}`` and serves until its standard input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import random
import re
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path as File

from aiohttp import web


@dataclass
class Served:
    """A running ledger: `url` is an `--api-base`."""

    url: str
    file: File

    def calls(self):
        """What was written down so far, one dictionary a call."""
        return [json.loads(line) for line in self.file.read_text("utf-8").splitlines()]


class Ledger:
    """The server's state and its one handler."""

    def __init__(self, plan, file):
        self.plan, self.file = plan, os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.seed = plan.get("seed", 0)
        self.num_calls = self.in_flight = 0
        self.buckets = {}
        self.attempts = Counter()

    def app(self):
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", self.handle)
        app.on_response_prepare.append(_say_rate)
        return app

    async def handle(self, request):
        raw = await request.read()
        digest = hashlib.sha256(raw).hexdigest()
        self.num_calls += 1
        self.attempts[digest] += 1
        self.in_flight += 1
        call = {
            "call": self.num_calls, "attempt": self.attempts[digest], "digest": digest, "time": time.time(),
            "in_flight": self.in_flight, "authorization": request.headers.get("Authorization"),
            "body": json.loads(raw),
        }  # fmt: skip
        rule = self.rule_for(call, raw.decode("utf-8"))
        call["did"] = rule["do"]
        os.write(self.file, json.dumps(call).encode() + b"\n")
        try:
            await asyncio.sleep(self.latency_s(call, rule))
            return await ANSWERS[rule["do"]](request, call, rule)
        finally:
            self.in_flight -= 1

    def rule_for(self, call, text):
        for number, rule in enumerate(self.plan.get("rules", ())):
            if call["call"] not in rule.get("calls", [call["call"]]):
                continue
            if call["attempt"] not in rule.get("attempts", [call["attempt"]]):
                continue
            if self.in_flight <= rule.get("over", 0):
                continue
            if "beyond" in rule and self.takes_token(number, *rule["beyond"]):
                continue
            if rule.get("contains", "") in text and self.draw(call, number) < rule.get("probability", 1):
                return rule
        return {"do": "text"}

    def takes_token(self, number, rate, burst):
        now = time.monotonic()
        tokens, before = self.buckets.get(number, (burst, now))
        tokens = min(burst, tokens + (now - before) * rate)
        self.buckets[number] = (tokens - (tokens >= 1), now)
        return tokens >= 1

    def draw(self, call, what):
        """A number in [0, 1) that depends on the seed, the request and its attempt."""
        return random.Random(f"{self.seed} {call['digest']} {call['attempt']} {what}").random()

    def latency_s(self, call, rule):
        latency = rule.get("latency_s", self.plan.get("latency_s", 0))
        low, high = latency if isinstance(latency, list) else (latency, latency)
        return low + (high - low) * self.draw(call, "latency")


async def _say_rate(request, response):
    response.headers["Server"] = "ledger"


def prompt_of(call):
    return "\n".join(message["content"] for message in call["body"]["messages"])


def completion(call, text, finish_reason="stop", choices=None):
    """The JSON of a chat completion; tokens are counted as words."""
    num_prompt, num_reply = len(prompt_of(call).split()), len((text or "").split())
    message = {"role": "assistant", "content": text}
    return {
        "id": f"call-{call['call']}", "object": "chat.completion", "created": 0, "model": call["body"]["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}] if choices is None else choices,
        "usage": {
            "prompt_tokens": num_prompt, "completion_tokens": num_reply, "total_tokens": num_prompt + num_reply,
        },
    }  # fmt: skip


def own_text(call):
    """A text that is a function of the request alone."""
    return f"Word {call['digest'][:8]} begins the reasoning.\nSo the answer is {int(call['digest'][:6], 16) % 100}."


async def text(request, call, rule):
    return web.json_response(completion(call, rule.get("text", own_text(call))))


async def verdict(request, call, rule):
    ending = rule.get("finish_reason", "stop")
    schema = call["body"].get("response_format", {}).get("json_schema", {}).get("schema")
    if schema is not None:
        nonce = schema["properties"]["nonce"]["enum"][0]
        said = {"nonce": nonce, "verdict": rule.get("verdict", "valid"), "reason": "as the plan says."}
        return web.json_response(completion(call, json.dumps(said), ending))
    nonce = re.search(r"verdict (\w+): WORD", prompt_of(call))
    said = f"verdict {nonce[1] if nonce else '?'}: {rule.get('verdict', 'valid')}\nreason: as the plan says."
    return web.json_response(completion(call, said, ending))


async def length(request, call, rule):
    return web.json_response(completion(call, rule.get("text", own_text(call)), "length"))


async def content_filter(request, call, rule):
    return web.json_response(completion(call, rule.get("text"), "content_filter"))


async def null_content(request, call, rule):
    return web.json_response(completion(call, None))


async def empty_choices(request, call, rule):
    return web.json_response(completion(call, None, choices=[]))


async def garbage(request, call, rule):
    return web.Response(text="<html>{not json", content_type="application/json")


async def body(request, call, rule):
    raw = rule.get("raw", json.dumps(rule.get("body")))
    return web.Response(text=raw, status=rule.get("status", 200), content_type="application/json")


async def huge(request, call, rule):
    return web.json_response(completion(call, "word " * (rule.get("num_bytes", 2**25) // 5)))


async def status(request, call, rule):
    headers = {"Retry-After": str(rule["retry_after"])} if "retry_after" in rule else {}
    error = {
        "message": rule.get("message", f"the plan says {rule['status']}"),
        "type": "planned",
        "code": rule.get("code"),
    }
    return web.json_response({"error": error}, status=rule["status"], headers=headers)


async def redirect(request, call, rule):
    return web.Response(status=307, headers={"Location": rule["location"]})


async def hang(request, call, rule):
    await asyncio.sleep(3600)


async def reset_before(request, call, rule):
    request.transport.abort()
    return web.Response()


async def reset_mid(request, call, rule):
    await _partly(request, call, share=0.5)
    request.transport.abort()
    return web.Response()


async def reset_after(request, call, rule):
    response = await _partly(request, call, share=1)
    request.transport.abort()
    return response


async def drip(request, call, rule):
    body = json.dumps(completion(call, own_text(call))).encode()
    response = await _prepared(request, body)
    for place in range(len(body)):
        await response.write(body[place : place + 1])
        await asyncio.sleep(rule.get("every_s", 0.1))
    return response


async def _partly(request, call, share):
    body = json.dumps(completion(call, own_text(call))).encode()
    response = await _prepared(request, body)
    await response.write(body[: int(len(body) * share)])
    return response


async def _prepared(request, body):
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(request)
    return response


ANSWERS = {
    answer.__name__: answer
    for answer in (
        text, verdict, length, content_filter, null_content, empty_choices, garbage, body, huge, status, redirect, hang,
        reset_before, reset_mid, reset_after, drip,
    )
}  # fmt: skip


@contextlib.contextmanager
def serving(file, **plan):
    """A ledger in a thread of this process: ``with serving(tmp_path / "calls.jsonl", rules=[...]) as served``."""
    loop, started = asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()
    served = Served("", File(file))

    async def live():
        async with running(Ledger(plan, file)) as url:
            served.url = url
            started.set()
            await stop.wait()
        hanging = asyncio.all_tasks() - {asyncio.current_task()}
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(live(),), daemon=True)
    thread.start()
    assert started.wait(20), "the ledger did not start"
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


@contextlib.asynccontextmanager
async def running(ledger, port=0):
    """The URL of a ledger that serves until the context ends; calls that hang are dropped then."""
    runner = web.AppRunner(ledger.app(), shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def serve_until_parent_ends(options):
    plan = json.loads(options.plan.read_text("utf-8")) if options.plan else {}
    async with running(Ledger(plan, options.file), options.port) as url:
        print(json.dumps({"url": url, "seed": plan.get("seed", 0)}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--file", type=File, required=True)
    parser.add_argument("--plan", type=File)
    asyncio.run(serve_until_parent_ends(parser.parse_args()))


if __name__ == "__main__":
    main()
