"""What a call costs that got no answer: nothing where no server was reached, its highest price where one may work."""

import contextlib
import socket
import time

import pytest

from qrd.backends import BackendSettings, Budget, open_backend
from qrd.backends.api import backend, direct
from qrd.errors import BackendError
from tests.backends.api_asks import PRICED, asks, opened

pytestmark = pytest.mark.usefixtures("api_keys")
HIGHEST_USD = 50 * 0.6e-6
WITH_PROMPT_USD = HIGHEST_USD + 26 * 0.15e-6
SLOW = {"do": "drip", "every_s": 0.002}
PRICED_BY_LITELLM = "anthropic/claude-haiku-4-5"


@pytest.fixture
def deaf():
    """The port of a server that takes no further connection and refuses none."""
    with socket.socket() as listening, socket.socket() as first:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        first.connect(listening.getsockname())
        yield listening.getsockname()[1]


@pytest.fixture
def closed_port():
    """A port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def spent(model, api_base, **settings):
    """What a call with one retry costs that gets no answer."""
    budget = Budget(1.0)
    given = BackendSettings(api_base=api_base, budget=budget, retries=1, first_wait_s=0.01, **settings)
    with contextlib.suppress(BackendError):  # where no server is reached the run ends
        (reply,) = open_backend(model, given).complete(asks(1))
        assert reply.error is not None
        assert reply.attempts == 2
    return budget.spent


@pytest.mark.parametrize("model", [PRICED, PRICED_BY_LITELLM])
@pytest.mark.parametrize("host", ["127.0.0.1:{}", "no-such-host.invalid", "[::1]:{}"])
def test_a_call_that_no_server_was_reached_for_costs_nothing(model, host, closed_port, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    assert spent(model, f"http://{host.format(closed_port)}/v1") == 0.0


def test_a_call_that_gets_no_connection_in_time_costs_nothing(deaf, monkeypatch):
    monkeypatch.setattr(direct, "CONNECT_S", 0.2)
    assert spent(PRICED, f"http://127.0.0.1:{deaf}/v1") == 0.0


def test_calls_that_get_no_connection_in_time_end_the_run_after_their_first_try(deaf, monkeypatch):
    monkeypatch.setattr(direct, "CONNECT_S", 1.2)
    backend = open_backend(PRICED, BackendSettings(api_base=f"http://127.0.0.1:{deaf}/v1", concurrency=4))
    called, real = [], backend.client.call

    def counted(request):
        called.append(request.key)
        return real(request)

    monkeypatch.setattr(backend.client, "call", counted)
    with pytest.raises(BackendError, match="no server was reached"):
        list(backend.complete(asks(40)))
    assert sorted(called) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("fault", ["reset_before", "reset_mid", "status 504", "status 524"])
def test_a_call_that_a_server_may_have_worked_on_costs_its_highest_price(serve, fault):
    do, _, status = fault.partition(" ")
    served = serve({"do": do, **({"status": int(status)} if status else {})})
    assert spent(PRICED, served.url) >= 2 * HIGHEST_USD


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_call_that_a_server_turned_away_costs_nothing(serve, status):
    assert spent(PRICED, serve({"do": "status", "status": status}).url) == 0.0


@pytest.mark.parametrize("refusal", [{"status": 429, "retry_after": 3600}, {"status": 401}])
def test_replies_under_way_when_a_run_stops_itself_are_handed_over_and_nothing_more_is_sent(serve, refusal):
    served = serve({"do": "status", **refusal, "contains": "Question 2"}, SLOW)
    budget, replies = Budget(1.0), []
    with pytest.raises(BackendError, match=r"asks to wait|refused for good"):
        replies.extend(opened(served, PRICED, budget=budget, concurrency=8).complete(asks(40)))
    assert 0 < len(replies) == len(served.calls()) - 1 <= 7
    assert all(reply.text for reply in replies)
    assert budget.spent == pytest.approx(sum(reply.usage.cost_usd for reply in replies))


def test_a_call_that_never_ends_holds_up_a_run_that_stops_itself_for_a_bounded_time(serve, monkeypatch):
    monkeypatch.setattr(backend, "DRAIN_S", 0.3)
    served = serve({"do": "status", "status": 401, "contains": "Question 0"}, {"do": "hang"})
    begin = time.monotonic()
    with pytest.raises(BackendError, match="refused for good"):
        list(opened(served, PRICED, concurrency=4).complete(asks(40)))
    assert time.monotonic() - begin < 5
    assert len(served.calls()) <= 4


def test_a_retry_waits_for_money_that_is_only_set_aside(serve):
    served = serve(
        {"do": "reset_before", "contains": "Question 0", "attempts": [1]}, {**SLOW, "contains": "Question 1"}
    )
    budget = Budget(2.5 * WITH_PROMPT_USD)
    replies = list(opened(served, PRICED, budget=budget, concurrency=2).complete(asks(2)))
    assert {reply.key: (reply.error, reply.attempts) for reply in replies} == {"0": (None, 2), "1": (None, 1)}
    assert WITH_PROMPT_USD < budget.spent < budget.ceiling


def test_a_retry_that_no_money_can_come_back_for_ends_the_run(serve):
    served = serve({"do": "reset_before"})
    budget = Budget(2.5 * WITH_PROMPT_USD)
    with pytest.raises(BackendError, match="are spent"):
        list(opened(served, PRICED, budget=budget, concurrency=2).complete(asks(2)))
    assert len(served.calls()) == 2
    assert budget.spent == pytest.approx(2 * WITH_PROMPT_USD)
