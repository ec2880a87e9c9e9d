"""What a call costs that got no answer: nothing where no server was reached, its highest price where one may work."""

import socket

import pytest

from qrd.backends import BackendSettings, Budget, api_direct, open_backend
from tests.backends.api_asks import PRICED, asks

pytestmark = pytest.mark.usefixtures("api_keys")
HIGHEST_USD = 50 * 0.6e-6
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
    monkeypatch.setattr(api_direct, "CONNECT_S", 0.2)
    assert spent(PRICED, f"http://127.0.0.1:{deaf}/v1") == 0.0


@pytest.mark.parametrize("fault", ["reset_before", "reset_mid", "status 504", "status 524"])
def test_a_call_that_a_server_may_have_worked_on_costs_its_highest_price(serve, fault):
    do, _, status = fault.partition(" ")
    served = serve({"do": do, **({"status": int(status)} if status else {})})
    assert spent(PRICED, served.url) >= 2 * HIGHEST_USD


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_call_that_a_server_turned_away_costs_nothing(serve, status):
    assert spent(PRICED, serve({"do": "status", "status": status}).url) == 0.0
