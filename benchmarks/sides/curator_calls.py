"""bespokelabs-curator with its direct client for OpenAI's protocol.

Usage: python curator_calls.py URL QUESTIONS CONCURRENCY   (with the Python of an environment that has curator)
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.update(TELEMETRY_ENABLED="false", CURATOR_DISABLE_RICH_DISPLAY="1", LITELLM_LOCAL_MODEL_COST_MAP="True")
os.environ.setdefault("OPENAI_API_KEY", "none")
litellm = importlib.util.find_spec("litellm")
if litellm is not None and litellm.origin is not None:  # curator counts tokens by a file that litellm brings along
    tokenizers = Path(litellm.origin).parent / "litellm_core_utils" / "tokenizers"
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(tokenizers))

from bespokelabs import curator  # noqa: E402  the variables are read when it is imported

url, file, concurrency = sys.argv[1], sys.argv[2], int(sys.argv[3])
model = curator.LLM(
    model_name="gpt-4o-mini",
    backend="openai",
    backend_params={
        "base_url": url,
        "max_concurrent_requests": concurrency,
        "max_requests_per_minute": 10**7,
        "max_tokens_per_minute": 10**10,
        "max_retries": 0,
        "require_all_responses": True,
    },
    generation_params={"max_tokens": 64},
)
contents = [json.loads(line)["question"] for line in Path(file).read_text("utf-8").splitlines()]
with tempfile.TemporaryDirectory() as cache:
    found = model(contents, working_dir=cache)
    assert len(found.dataset if hasattr(found, "dataset") else found) == len(contents)
