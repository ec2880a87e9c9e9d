"""Requests and backends of the tests that call an API."""

from qrd.backends import BackendSettings, Request, Sampling, open_backend

CANARY = "sk-canary-0123456789abcdef"
PRICED, UNPRICED = "openai/gpt-4o-mini", "hosted_vllm/tiny"
THROUGH_LITELLM = "xai/grok-3"


def asks(number, max_tokens=50, **sampling):
    return [
        Request(
            key=str(i),
            messages=({"role": "user", "content": f"Question {i}"},),
            sampling=Sampling(max_tokens=max_tokens, **sampling),
        )
        for i in range(number)
    ]


def opened(served, model=UNPRICED, **settings):
    return open_backend(model, BackendSettings(api_base=served.url, **{"first_wait_s": 0.01, **settings}))
