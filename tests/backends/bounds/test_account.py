"""What calls cost is remembered: in a killed process, after failed calls, and by several runs together."""

import subprocess
import sys

import pytest

from qrd.backends import Account, Budget
from qrd.backends.bounds.budget import Hold
from qrd.errors import StorageError


def opened(folder, *, shared=False):
    return Account(str(folder / "account.jsonl"), shared=shared)


def test_a_call_that_was_never_settled_counts_at_its_highest_price(tmp_path):
    killed = Budget(1.0, account=opened(tmp_path))
    settled, _ = killed.hold(0.4), killed.hold(0.3)
    killed.settle(settled, 0.1)
    after = Budget(1.0, account=opened(tmp_path))
    assert after.spent == pytest.approx(0.4)
    assert after.hold(0.7) is None
    assert after.hold(0.6) is not None


def test_what_outlives_a_process_is_settled_once(tmp_path):
    killed = Budget(1.0, account=opened(tmp_path))
    killed.settle(killed.hold(0.4, "batch-1"), 0.1)
    again = Budget(1.0, account=opened(tmp_path))
    again.settle(Hold("batch-1", 0.4), 0.1)
    assert again.spent == pytest.approx(0.1)


def test_an_account_that_was_closed_holds_what_was_paid_in_one_line(tmp_path):
    budget = Budget(1.0, account=opened(tmp_path))
    for _ in range(5):
        budget.settle(budget.hold(0.1), 0.05)
    budget.close()
    assert len((tmp_path / "account.jsonl").read_bytes().splitlines()) == 1
    assert Budget(1.0, account=opened(tmp_path)).spent == pytest.approx(0.25)


def test_two_runs_that_share_an_account_stay_below_one_ceiling(tmp_path):
    budgets = [Budget(1.0, account=opened(tmp_path, shared=True)) for _ in range(2)]
    granted = [budgets[n % 2].hold(0.15) for n in range(20)]
    assert sum(hold is not None for hold in granted) == 6
    budgets[0].settle(next(hold for hold in granted if hold), 0.0)
    assert budgets[1].hold(0.15) is not None


def test_processes_that_ask_at_the_same_moment_stay_below_one_ceiling(tmp_path):
    code = (
        "import sys; from qrd.backends import Account, Budget\n"
        "budget = Budget(0.5, account=Account(sys.argv[1], shared=True))\n"
        "print(sum(budget.hold(0.001) is not None for _ in range(400)))"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "account.jsonl")]
    children = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    granted = [int(child.communicate(timeout=60)[0]) for child in children]
    assert sum(granted) == 500


def test_a_line_torn_at_any_byte_costs_at_most_its_own_call(tmp_path):
    file = tmp_path / "account.jsonl"
    budget = Budget(None, account=opened(tmp_path))
    budget.settle(budget.hold(0.4), 0.1)
    budget.hold(0.3)
    whole = file.read_bytes()
    for size in range(len(whole)):
        file.write_bytes(whole[:size])
        assert Budget(None, account=opened(tmp_path)).spent in (0, pytest.approx(0.4), pytest.approx(0.1))
        again = Budget(None, account=opened(tmp_path))
        before = again.spent
        again.settle(again.hold(0.2), 0.2)
        assert Budget(None, account=opened(tmp_path)).spent == pytest.approx(before + 0.2)


def test_rows_that_an_account_does_not_know_count_too(tmp_path):
    budget = Budget(1.0, 0.9, opened(tmp_path))
    budget.settle(budget.hold(0.1), 0.1)
    assert Budget(1.0, 0.95, opened(tmp_path)).spent == pytest.approx(0.95)
    assert Budget(1.0, 0.05, opened(tmp_path)).spent == pytest.approx(0.1)


def test_calls_without_a_price_leave_no_file(tmp_path):
    budget = Budget(None, account=opened(tmp_path))
    budget.settle(budget.hold(0.0), 0.0)
    budget.close()
    assert list(tmp_path.iterdir()) == []


def test_an_account_that_cannot_be_written_stops_before_the_call(tmp_path):
    (tmp_path / "account.jsonl").mkdir()
    with pytest.raises(StorageError, match=r"account\.jsonl"):
        Budget(None, account=opened(tmp_path)).hold(0.1)
