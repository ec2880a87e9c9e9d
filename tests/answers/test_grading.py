"""Grading as a whole: forms, order, thinking blocks, what is imported, and the worker processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qrd.answers import Grade, GradeItem, Grader, canonical_gold, extract, grade
from qrd.answers.maths.symbols import too_costly
from qrd.answers.workers import Pool


def _children() -> list[int]:
    """The process ids of this process's children."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


def _in_child(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_importing_the_room_loads_no_algebra_and_no_torch() -> None:
    heavy = "{'sympy', 'math_verify', 'torch', 'latex2sympy2_extended'}"
    assert _in_child(f"import sys, qrd.answers; print({heavy} & set(sys.modules))") == "set()"


def test_cheap_grades_start_no_worker_and_load_no_algebra() -> None:
    code = (
        "import sys, os; from qrd.answers import grade\n"
        "assert grade('choice', 'The answer is B.', 'B', ['x', 'y']).correct\n"
        "assert grade('math', 'The answer is 0.5.', '1/2').correct\n"
        "assert grade('math', 'The answer is 7.', '8').correct is False\n"
        "print('sympy' in sys.modules, repr(open(f'/proc/self/task/{os.getpid()}/children').read()))"
    )
    assert _in_child(code) == "False ''"


def test_without_gold_correct_is_none() -> None:
    assert grade("boolean", "Yes.", None) == Grade("yes", None)


def test_gold_that_is_not_of_the_tasks_form_counts_as_none() -> None:
    assert grade("nli", "Neither", "purple") == Grade("neutral", None)


def test_no_answer_found_is_wrong_where_there_is_gold() -> None:
    assert grade("choice", "Hard to say.", "A", ["x", "y"]) == Grade(None, False)


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown task 'essay'"):
        extract("essay", "Yes.")


@pytest.mark.parametrize(
    ("task", "answer", "choices", "form"),
    [
        ("choice", "b", ["x", "y"], "B"),
        ("choice", "C", ["x", "y"], None),
        ("choice", "y", ["x", "y"], "B"),
        ("boolean", "True", None, "yes"),
        ("boolean", "perhaps", None, None),
        ("nli", "Entailment", None, "entailment"),
        ("nli", "", None, None),
        ("math", "$\\dfrac{1}{2}$", None, "\\frac{1}{2}"),
        ("math", "  ", None, None),
        ("text", "The Nile.", None, "nile"),
        ("text", "...", None, None),
    ],
)
def test_gold_is_put_in_the_canonical_form_or_refused(
    task: str, answer: str, choices: list[str] | None, form: str | None
) -> None:
    assert canonical_gold(task, answer, choices) == form


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    """One grader with its workers, for the tests that only use them."""
    with Grader(num_workers=2) as shared:
        yield shared


def test_grades_come_in_the_order_of_the_items_though_some_need_a_worker(grader: Grader) -> None:
    items = [GradeItem("math", f"\\boxed{{{n}x+x}}" if n % 3 else f"\\boxed{{{n}}}", f"x+{n}x") for n in range(1, 31)]
    assert [grade.correct for grade in grader.grade_many(items)] == [bool(n % 3) for n in range(1, 31)]


def test_a_grade_is_handed_on_before_the_next_item_is_asked_for() -> None:
    asked = []

    def items() -> Iterator[GradeItem]:
        for n in range(3):
            asked.append(n)
            yield GradeItem("boolean", "Yes.", "yes")

    with Grader() as grader:
        next(grader.grade_many(items()))
    assert asked == [0]


def test_a_grader_leaves_no_process_behind() -> None:
    before = set(_children())
    with Grader(num_workers=1) as grader:
        assert grader.equal("math", "x+1", "1+x")
        assert set(_children()) - before
    assert set(_children()) <= before


def test_a_worker_that_dies_idle_is_replaced_and_its_comparison_not_lost() -> None:
    pool = Pool(1, timeout_s=5.0)
    try:
        assert pool.result(pool.submit("x+1", "1+x"))
        [worker] = pool._workers
        os.kill(worker.process.pid, signal.SIGKILL)
        worker.process.wait()
        assert pool.result(pool.submit("x+2", "2+x"))
    finally:
        pool.close()


def test_workers_end_when_their_parent_is_killed() -> None:
    code = (
        "import os; from qrd.answers import equal; equal('math', 'x+1', '1+x')\n"
        "print(open(f'/proc/self/task/{os.getpid()}/children').read().split()[0], flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    worker = f"/proc/{int(done.stdout)}/stat"
    deadline = time.monotonic() + 5
    while os.path.exists(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not os.path.exists(worker)


def test_equal_works_from_a_thread_that_is_not_the_main_one(grader: Grader) -> None:
    told: list[bool] = []
    thread = threading.Thread(target=lambda: told.append(grader.equal("math", "(x+1)^2", "x^2+2x+1")))
    thread.start()
    thread.join()
    assert told == [True]


def test_a_reply_is_never_evaluated(grader: Grader, tmp_path: Path) -> None:
    marker = tmp_path / "evaluated"
    code = f"__import__('os').mkdir('{marker}')"
    items = [GradeItem("math", f"\\boxed{{{side}}}", "x+1") for side in (code, f"\\text{{{code}}}", f"{code}=x")]
    assert [grade.correct for grade in grader.grade_many(items)] == [False, False, False]
    assert not marker.exists()


@pytest.mark.parametrize(
    "expression", ["9**9**9", "2**30**5", "x^{100000}", "99999!", "(" * 30 + "1" + ")" * 30, "1+" * 400]
)
def test_towers_and_giants_are_never_given_to_algebra(expression: str) -> None:
    assert too_costly(expression)


@pytest.mark.parametrize(
    "expression", ["2^{2004}", "x^{10}+1", "12\\sqrt{2}", "\\binom{52}{5}", "10!", "\\frac{\\pi^2}{6}"]
)
def test_ordinary_answers_are_given_to_algebra(expression: str) -> None:
    assert not too_costly(expression)
