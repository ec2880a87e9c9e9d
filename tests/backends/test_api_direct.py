"""What qrd's own client for OpenAI's protocol does, and how many calls it makes at once."""

import subprocess
import sys

import pytest

from qrd.backends import BackendSettings, open_backend
from qrd.errors import BackendError, ConfigError
from tests.backends.api_asks import PRICED, UNPRICED, asks, opened

pytestmark = pytest.mark.usefixtures("api_keys")


def test_more_calls_than_files_may_be_open_at_first(serve):
    code = (
        "import resource, sys; from qrd.backends import *\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n"
        "ask = lambda n: Request(key=str(n), messages=({'role': 'user', 'content': str(n)},))\n"
        "settings = BackendSettings(api_base=sys.argv[1], concurrency=100, retries=0)\n"
        "replies = list(open_backend('openai/m', settings).complete(map(ask, range(100))))\n"
        "print(sum(reply.error is None for reply in replies))"
    )
    words = [sys.executable, "-c", code, serve(latency_s=0.5).url]
    assert subprocess.run(words, capture_output=True, text=True).stdout == "100\n"


def test_a_local_server_needs_no_key(serve, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    served = serve()
    for model in ("openai/anything", "hosted_vllm/anything"):
        assert next(opened(served, model).complete(asks(1))).text


def test_a_direct_call_follows_no_redirect_and_says_where_it_leads(serve):
    other = serve()
    served = serve({"do": "redirect", "location": other.url + "/chat/completions"})
    with pytest.raises(BackendError, match=f"redirects to {other.url}"):
        list(opened(served, PRICED, concurrency=4).complete(asks(50)))
    assert len(served.calls()) <= 4 + 5
    assert other.calls() == []


def test_no_proxy_stands_before_this_machine_and_netrc_is_not_read(serve, monkeypatch, tmp_path):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login canary password canary", "utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    served = serve()
    (reply,) = opened(served, UNPRICED, retries=0).complete(asks(1))
    assert reply.error is None
    assert served.calls()[0]["authorization"] is None


def test_another_host_is_reached_through_the_proxy_of_the_environment(serve, monkeypatch):
    served = serve()
    monkeypatch.setenv("http_proxy", served.url.removesuffix("/v1"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    settings = BackendSettings(api_base="http://teacher.invalid/v1", retries=0)
    (reply,) = open_backend(UNPRICED, settings).complete(asks(1))
    assert reply.error is None
    assert len(served.calls()) == 1


@pytest.mark.parametrize(
    ("model", "said"),
    [("openai/m", "http://[/v1"), ("hosted_vllm/m", "ftp://host/v1"), ("openai/m", "host:8000")],
)
def test_an_endpoint_that_is_no_url_is_named(model, said):
    with pytest.raises(ConfigError, match="is no URL"):
        open_backend(model, BackendSettings(api_base=said))


def test_the_user_of_an_endpoint_is_sent_only_where_there_is_no_key(serve, monkeypatch):
    served = serve()
    base = served.url.replace("http://", "http://user:hunter2hunter2@")
    for model in (PRICED, UNPRICED):
        next(open_backend(model, BackendSettings(api_base=base)).complete(asks(1)))
    assert [call["authorization"].split()[0] for call in served.calls()] == ["Bearer", "Basic"]


def test_a_server_that_takes_eight_calls_at_once_is_given_about_eight(serve):
    served = serve({"do": "status", "status": 429, "over": 8}, latency_s=0.03)
    replies = list(opened(served, concurrency=64, first_wait_s=0.05, retries=20).complete(asks(400)))
    assert [reply.error for reply in replies] == [None] * 400
    refused = [call for call in served.calls() if call["did"] == "status"]
    assert len(refused) < 64 + 64 + 400 * 0.15
    late = served.calls()[-200:]
    assert sum(call["did"] == "text" for call in late) > 150
    assert max(call["in_flight"] for call in late) >= 7


def test_what_a_429_asks_to_wait_holds_back_every_call(serve):
    served = serve({"do": "status", "status": 429, "retry_after": 1, "calls": [5]}, latency_s=0.02)
    assert len(list(opened(served, concurrency=4).complete(asks(40)))) == 40
    times = sorted(call["time"] for call in served.calls())
    refused = served.calls()[4]["time"]
    assert not [time for time in times if refused + 0.1 < time < refused + 0.95]
    assert len(times) == 41


def test_a_direct_client_needs_nothing_heavy():
    heavy = ["litellm", "torch", "transformers", "vllm"]
    settings = "qrd.backends.BackendSettings(api_base='http://127.0.0.1:9')"
    called = f"list(qrd.backends.open_backend('openai/m', {settings}).complete([]))"
    code = f"import sys, qrd.backends; {called}; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
