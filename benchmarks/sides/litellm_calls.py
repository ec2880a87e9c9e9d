"""Bare `litellm.acompletion`: as many calls as can be made, and nothing is kept of the answers.

Usage: python litellm_calls.py URL QUESTIONS CONCURRENCY MODEL
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

litellm.suppress_debug_info = True


async def main(url: str, file: str, concurrency: int, model: str) -> None:
    contents = iter([json.loads(line)["question"] for line in Path(file).read_text("utf-8").splitlines()])

    async def work() -> None:
        for content in contents:
            messages = [{"role": "user", "content": content}]
            answer = await litellm.acompletion(
                model=model, api_base=url, messages=messages, max_tokens=64, num_retries=0, max_retries=0
            )
            assert answer.choices

    await asyncio.gather(*(work() for _ in range(concurrency)))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
