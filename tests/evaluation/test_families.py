"""A comparison has one corrected p, whoever shows it: eval's table, --summary, --compare, the report."""

import io
import json

import pytest
import tiny_run

from qrd.config import EvalConfig, ReportConfig
from qrd.console import Console
from qrd.evaluation.families import BASES, ENSEMBLES, OTHERS, RUNS, Answering, families
from qrd.evaluation.table import chance
from qrd.reports.facts.gathered import gather
from qrd.stages.eval import comparing
from qrd.stages.report import composed


def answering(*models, file="a", bases=()):
    students = dict(bases)
    return [
        Answering(
            f"{model} ({file})", model, file, model in students, students.get(model) and f"{students[model]} ({file})"
        )
        for model in models
    ]


def test_every_pair_is_in_one_family_and_fitted_models_stand_first():
    bases = {"s": "base:s", "t": "base:s"}
    models = [
        *answering("base:s", "s", "t", "ensemble:vote", file="a", bases=bases),
        *answering("base:s", "s", "t", file="b", bases=bases),
    ]
    found = families(models)
    assert found[f"{BASES} of a"] == [("s (a)", "base:s (a)"), ("t (a)", "base:s (a)")]
    assert found[f"{BASES} of b"] == [("s (b)", "base:s (b)"), ("t (b)", "base:s (b)")]
    assert found[ENSEMBLES] == [("ensemble:vote (a)", "s (a)"), ("ensemble:vote (a)", "t (a)")]
    assert found[RUNS] == [("s (a)", "s (b)"), ("t (a)", "t (b)")]
    pairs = [frozenset(pair) for family in found.values() for pair in family]
    assert len(pairs) == len(set(pairs)) == 7 * 6 / 2
    assert list(found)[-1] == OTHERS
    assert all(not one.startswith("base:") or other.startswith("base:") for one, other in found[OTHERS])


def compare(folder, *files):
    """eval --compare: (its rows, its --summary, what was shown)."""
    screen = io.StringIO()
    config = EvalConfig(
        input=tuple(map(str, files)), output=str(folder / "compared.jsonl"), compare=True,
        summary=str(folder / "compared.json"),
    )  # fmt: skip
    comparing.run(config, Console(stream=screen))
    rows = [json.loads(line) for line in (folder / "compared.jsonl").read_text("utf-8").splitlines()]
    return rows, json.loads((folder / "compared.json").read_text("utf-8"))["comparisons"], screen.getvalue()


def reported(*files, **options):
    """The report's rows of comparisons: (model, other) to (p by Holm, family)."""
    config = ReportConfig(input=tuple(map(str, files)), **options)
    page = composed(gather(config), config)
    tables = [table for section in page.sections for table in section.tables]
    (table,) = [table for table in tables if table.title == "Compared question by question"]
    at = [table.columns.index(name) for name in ("p by Holm", "family")]
    return {tuple(row[:2]): tuple(row[place] for place in at) for row in table.rows}


@pytest.mark.parametrize("with_run", [True, False], ids=["run folder given", "predictions alone"])
def test_students_have_the_same_p_in_eval_compare_and_report(evaluated, with_run, tmp_path):
    file = evaluated.file
    mine = {(c["model"], c["other"]): (c["p_holm"], c["family"]) for c in evaluated.summary["comparisons"]}
    assert len(mine) == 2, "two students of one base"
    rows, summary, shown = compare(tmp_path, file)
    assert rows == summary
    by_compare = {(c["model"], c["other"]): (c["p_holm"], c["family"]) for c in rows}
    assert len(by_compare) > len(mine), "all pairs are compared"
    assert by_compare.items() >= mine.items()
    by_report = reported(file, *([evaluated.run] if with_run else []))
    for pair, (p, family) in mine.items():
        assert by_report[pair] == (chance(p), f"{family} (2)")
    for text in (evaluated.shown, shown):
        assert "students against bases (p corrected for 2)" in text
    ensembles = {pair: p for pair, (p, family) in by_compare.items() if family == ENSEMBLES}
    assert len(ensembles) >= 2
    assert {pair: told[0] for pair, told in by_report.items() if told[1].startswith(ENSEMBLES)} == {
        pair: chance(p) for pair, p in ensembles.items()
    }


def test_a_second_evaluation_beside_it_changes_no_p_of_the_first(evaluated, run_folder, tmp_path):
    tiny_run.evaluate(run_folder, tmp_path, tiny_run.QUESTIONS[:5])
    second = tmp_path / "predictions.jsonl"
    mine = [(c["questions"], c["p_holm"]) for c in evaluated.summary["comparisons"]]
    rows, _, _ = compare(tmp_path, evaluated.file, second)
    assert [(c["questions"], c["p_holm"]) for c in rows if c["family"] == f"{BASES} of {evaluated.file}"] == mine
    by_report = reported(evaluated.file, second)
    assert {pair: p for pair, (p, _) in by_report.items()} == {
        (c["model"], c["other"]): chance(c["p_holm"]) for c in rows if c["family"].startswith((BASES, ENSEMBLES))
    }


def test_models_without_bases_have_the_same_p_in_compare_and_report(tmp_path):
    rights = {"one": "1111111100", "two": "0000000110", "three": "0101010111"}
    rows = [
        {
            "id": f"q{n}", "task": "boolean", "question": f"Is {n} so?", "answer": "yes", "model": model, "sample": 0,
            "response": "", "prediction": "yes" if letter == "1" else "no", "correct": letter == "1",
        }
        for model, letters in rights.items() for n, letter in enumerate(letters)
    ]  # fmt: skip
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    found, _, shown = compare(tmp_path, file)
    assert "other pairs (p corrected for 3)" in shown
    expected = {(c["model"], c["other"]): (chance(c["p_holm"]), "other pairs (3)") for c in found}
    assert reported(file) == expected
