"""Right, wrong, no answer and no gold are four things wherever a reply is shown."""

import io
import json

import pytest

from qrd.config import EvalConfig, ReportConfig
from qrd.console import Console
from qrd.evaluation.summary import summarised
from qrd.evaluation.table import show
from qrd.inspection.book import Entry
from qrd.inspection.glance import glance, title
from qrd.inspection.overview import Overview
from qrd.inspection.record import lines
from qrd.reports.facts.census import answer_of
from qrd.reports.facts.gathered import gather
from qrd.rows.outcomes import OUTCOMES, outcome_of
from qrd.rows.records import Path, checked
from qrd.stages.eval import comparing
from qrd.stages.report import composed

CASES = {
    "right": {"answer": "5", "prediction": "5", "correct": True},
    "wrong": {"answer": "5", "prediction": "6", "correct": False},
    "no answer": {"answer": "5", "prediction": None, "correct": False},
    "no gold": {"prediction": "6", "correct": None},
    "not graded": {"answer": "5"},
}
PATH = {
    "id": "a", "task": "math", "question": "2+3?", "path_id": "p", "request_hash": "h", "teacher": "t", "style": "cot",
    "sample": 0, "prompt": [{"role": "user", "content": "2+3?"}], "response": "It is.", "finish_reason": "stop",
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost_usd": None},
}  # fmt: skip


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_outcome_has_its_word_in_every_view_of_a_row(outcome):
    fields = PATH | CASES[outcome]
    assert outcome_of(fields) == outcome
    entry = Entry(0, "f", 1, "path", fields, None, b"")
    assert glance(entry).grade == (outcome if outcome != "not graded" else "")
    assert f"  {outcome}" in title(fields)
    assert any(line.rstrip().endswith(outcome) for line in lines(fields, "path"))
    told = answer_of(checked(fields, Path, file="f", line=1))
    assert told == {"wrong": "wrong answer"}.get(outcome, outcome)


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"correct": False}, "wrong"), ({"prediction": None, "correct": None}, "no gold"),
        ({"answer": "5", "prediction": None, "correct": None}, "no answer"),
        ({"answer": "5", "prediction": "6", "correct": None}, "not graded"), ({}, "not graded"),
    ],
)  # fmt: skip
def test_rows_that_say_less_are_not_called_wrong(fields, outcome):
    assert outcome_of(fields) == outcome


def test_counts_of_a_file_tell_them_apart():
    tally = Overview()
    for fields in CASES.values():
        tally.add("path", PATH | fields)
    (_, columns, rows) = next(table for table in tally.tables() if table[0] == "Replies by style")
    assert [rows[0][columns.index(outcome)] for outcome in OUTCOMES] == ["1"] * 5
    assert rows[0][columns.index("right %")] == "33.3"


@pytest.fixture
def predictions(tmp_path):
    rows = [
        {
            "id": f"q{number}", "task": "math", "question": f"{number}?", "model": model, "sample": 0,
            "response": "It is.", **fields,
        }
        for model in ("one", "two") for number, fields in enumerate(list(CASES.values())[:4])
    ]  # fmt: skip
    file = tmp_path / "predictions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return rows, file


def test_eval_and_report_count_them_apart(predictions, tmp_path):
    rows, file = predictions
    one = summarised(rows, {}, seed=0)["models"]["one"]
    assert [one[name] for name in ("right", "wrong", "no_answer", "no_gold", "rows")] == [1, 1, 1, 1, 3]
    screen = io.StringIO()
    config = EvalConfig(input=(str(file),), output=str(tmp_path / "compared.jsonl"), compare=True)
    comparing.run(config, Console(stream=screen))
    heads = next(line for line in screen.getvalue().splitlines() if line.startswith(" model"))
    assert all(f"  {name}" in heads for name in ("right", "wrong", "no answer", "no gold"))
    page = composed(gather(ReportConfig(input=(str(file),))), ReportConfig(input=(str(file),)))
    (table,) = [t for s in page.sections for t in s.tables if t.title == "Accuracy of every model"]
    row = dict(zip(table.columns, table.rows[0]))
    assert [row[name] for name in ("right", "wrong", "no answer", "no gold", "replies")] == ["1", "1", "1", "1", "3"]


def test_a_table_without_anything_but_right_answers_is_still_whole(predictions):
    rows, _ = predictions
    screen = io.StringIO()
    show(summarised(rows[:1], {}, seed=0), Console(stream=screen))
    assert "1 of 1" in screen.getvalue()
