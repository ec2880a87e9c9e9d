import importlib.util

import pytest

from qrd.backends import BackendSettings, Request, Sampling, open_backend
from qrd.errors import ConfigError

HAS_VLLM = importlib.util.find_spec("vllm") is not None
TEXTS = ("Why is the sky blue?", "2+2", "Name three rivers, and say where each of them rises.")


@pytest.mark.skipif(HAS_VLLM, reason="vLLM is installed")
def test_without_vllm_the_one_command_that_installs_it_is_named():
    with pytest.raises(ConfigError, match=r"pip install 'qrd\[vllm\]'"):
        open_backend("vllm:some/model", BackendSettings())


def asked(**rest):
    sampling = Sampling(max_tokens=24)
    return [
        Request(key=text, messages=({"role": "user", "content": text},), sampling=sampling, want_logprob=True, **rest)
        for text in TEXTS
    ]


def replies(backend, **rest):
    return {r.key: (r.text, r.finish_reason, round(r.logprob, 2), r.usage) for r in backend.complete(asked(**rest))}


@pytest.mark.slow
@pytest.mark.skipif(not HAS_VLLM, reason="vLLM is not installed")
def test_vllm_and_transformers_reply_alike(wide_model, adapter_of):
    settings = BackendSettings(device="cpu", dtype="float32")
    vllm, local = (open_backend(f"{kind}:{wide_model}", settings) for kind in ("vllm", "hf"))
    assert replies(vllm) == replies(local)
    starts = ("verdict: valid\n", "verdict: invalid\n")
    assert replies(vllm, starts=starts) == replies(local, starts=starts)
    for backend in (vllm, local):
        backend.load_adapter("one", adapter_of(wide_model, 1))
    with vllm.student("one"), local.student("one"):
        assert replies(vllm) == replies(local)
    assert replies(vllm) == replies(local)
    vllm.close()
