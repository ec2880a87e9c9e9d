"""Bare aiohttp: as many calls as can be made, and nothing is kept of the answers.

Usage: python aiohttp_calls.py URL QUESTIONS CONCURRENCY
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp


async def main(url: str, file: str, concurrency: int) -> None:
    contents = iter([json.loads(line)["question"] for line in Path(file).read_text("utf-8").splitlines()])
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def work() -> None:
            for content in contents:
                body = {"model": "m", "messages": [{"role": "user", "content": content}], "max_tokens": 64}
                async with session.post(f"{url}/chat/completions", json=body) as response:
                    assert (await response.json())["choices"]

        await asyncio.gather(*(work() for _ in range(concurrency)))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
