"""How much of vLLM's own speed a `vllm:` model has: qrd's backend beside `LLM.chat` on the same prompts.

Usage: .venv-vllm/bin/python benchmarks/vllm_throughput.py [--model vllm:embedded:smollm2-135m] [--requests 256]
                                                           [--max-tokens 64] [--rounds 3]

One engine serves both sides, which take turns; what it remembers of prompts is forgotten before each. Both render the
chat, write greedily and read the text; qrd's side yields each reply as it is done, LLM.chat all in the end. The rate is
that of tokens written. `make test-vllm` makes the environment.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from qrd.backends import BackendSettings, Request, Sampling
from qrd.backends.local.vllm_backend import VllmLocal
from qrd.models import chat

WORDS = "Ann has {0} apples and buys {1} more. She gives half of them to Bob. How many are left? Reason step by step."


def requests(number: int, max_tokens: int) -> list[Request]:
    sampling = Sampling(max_tokens=max_tokens)
    texts = [WORDS.format(n, n % 17) for n in range(number)]
    return [Request(key=text, messages=({"role": "user", "content": text},), sampling=sampling) for text in texts]


def through_qrd(backend: VllmLocal, asked: list[Request]) -> int:
    return sum(reply.usage.completion_tokens or 0 for reply in backend.complete(asked))


def through_chat(backend: VllmLocal, asked: list[Request]) -> int:
    from vllm import SamplingParams

    sampling = SamplingParams(
        temperature=0, max_tokens=asked[0].sampling.max_tokens, stop_token_ids=chat.end_tokens(backend.tokenizer)
    )
    found = backend.engine.chat([list(request.messages) for request in asked], sampling, use_tqdm=False)
    return sum(len(output.outputs[0].token_ids) for output in found)


def measured(
    side: Callable[[VllmLocal, list[Request]], int], backend: VllmLocal, asked: list[Request]
) -> tuple[int, float]:
    """Tokens written, and tokens a second."""
    backend.engine.reset_prefix_cache()
    began = time.perf_counter()
    num_tokens = side(backend, asked)
    return num_tokens, num_tokens / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="vllm:embedded:smollm2-135m")
    parser.add_argument("--requests", type=int, default=256)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    backend = VllmLocal(options.model, BackendSettings())
    asked = requests(options.requests, options.max_tokens)
    through_qrd(backend, asked[:8])  # starts the engine
    ratios, rates = [], {"LLM.chat": [], "qrd": []}
    for number in range(options.rounds):
        sides = {"LLM.chat": through_chat, "qrd": through_qrd}
        found = {name: measured(side, backend, asked) for name, side in sides.items()}
        for name, (num_tokens, rate) in found.items():
            rates[name].append(rate)
            print(f"round {number + 1}: {name:8} {num_tokens} tokens, {rate:.1f} a second", flush=True)
        ratios.append(found["qrd"][1] / found["LLM.chat"][1])
    medians = ", ".join(f"{name} {statistics.median(each):.1f}" for name, each in rates.items())
    print(
        f"tokens a second, medians of {options.rounds}: {medians}; qrd at {statistics.median(ratios):.3f} of LLM.chat"
    )


if __name__ == "__main__":
    main()
