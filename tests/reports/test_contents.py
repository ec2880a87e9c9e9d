"""What a report says, held against the files that it was made of."""

import json
import re
import shlex
import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest
import world

from qrd.config import ReportConfig
from qrd.errors import ConfigError, DataError
from qrd.evaluation.summary import summarised
from qrd.evaluation.table import chance
from qrd.reports.facts.gathered import gather
from qrd.reports.sections.accuracy import section as accuracy_section
from qrd.reports.sections.paths import section as paths_section
from qrd.reports.words import score_alarms
from qrd.stages.report import composed

SMALL = {"num_questions": 6, "num_tests": 10}


@pytest.fixture
def built(tmp_path):
    return world.whole(tmp_path / "world", **SMALL)


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """(world, inputs, page) for tests that change nothing."""
    made, inputs = world.whole(tmp_path_factory.mktemp("usual") / "world", **SMALL)
    return made, inputs, document(inputs)


def document(inputs, **options):
    config = ReportConfig(input=tuple(map(str, inputs)), **options)
    return composed(gather(config), config)


def tables(page):
    return {table.title: table for section in page.sections for table in section.tables}


def rows_of(file):
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_every_path_is_counted_once_and_where_it_ended(usual):
    made, _, page = usual
    table = tables(page)["Paths by teacher, style and outcome"]
    found = dict(zip(table.columns[2:], map(int, table.rows[-1][2:])))
    rejects = Counter(row["reject_reason"] for row in rows_of(made.folder / "rejects.jsonl"))
    num_kept = len(rows_of(made.folder / "kept.jsonl"))
    assert found["paths"] == 6 * 2 * 6 == num_kept + rejects.total()
    assert found["trained on"] == num_kept
    words = {"cut": "truncated", "wrong answer": "wrong_answer", "judged invalid": "invalid"}
    assert {name: found.get(name, 0) for name in words} == {name: rejects[reason] for name, reason in words.items()}


def test_files_that_hold_one_path_again_and_their_order_change_no_count(built):
    made, inputs = built
    files = [str(made.folder / f"{name}.jsonl") for name in ("rejects", "judged", "kept")]
    told = [
        paths_section(gather(ReportConfig(input=tuple(given))), {}).tables
        for given in (inputs, [*files, *inputs], [*inputs, *files[::-1]])
    ]
    assert told[0] == told[1] == told[2]


def test_accuracy_is_that_of_the_predictions_with_its_wilson_interval(usual):
    made, _, page = usual
    rows = [row for row in rows_of(made.folder / "predictions.jsonl") if row["model"] == "small"]
    n, share, z = len(rows), sum(row["correct"] for row in rows) / len(rows), 1.959964
    middle, spread = share + z * z / (2 * n), z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    low, high = (100 * (middle + side * spread) / (1 + z * z / n) for side in (-1, 1))
    told = {row[0]: row for row in tables(page)["Accuracy of every model"].rows}["small"]
    assert told[1] == f"{100 * share:.1f} [{low:.1f}, {high:.1f}]"
    pairs = [row[:2] for row in tables(page)["Compared question by question"].rows]
    assert ["small", "base:small"] in pairs
    assert ["ensemble:vote", "large"] in pairs


def test_the_report_says_of_students_and_bases_what_eval_says(usual):
    made, _, page = usual
    rows = rows_of(made.folder / "predictions.jsonl")
    eval_says = summarised(rows, {"f": [("small", "base:small"), ("large", "base:large")]}, seed=0)["comparisons"]
    told = {tuple(row[:2]): row[-3] for row in tables(page)["Compared question by question"].rows}
    assert len(told) > len(eval_says), "the ensembles are compared too, which is another question"
    for c in eval_says:
        assert told[c["model"], c["other"]] == chance(c["p_holm"])


def test_a_few_questions_are_few_however_many_samples_each_has():
    facts = {"model": "a", "task": "math", "prediction": "1", "correct": True}
    rows = [{**facts, "id": f"q{question}", "sample": sample} for question in range(25) for sample in range(4)]
    section = accuracy_section(gather(ReportConfig()), {**summarised(rows, {}, seed=0), "bases": set()})
    assert section.text[0].startswith("Only 25 questions")


def test_replies_that_were_cut_are_told_of_students_and_not_again_of_ensembles():
    cut = {"cut": 5, "rows": 10}
    models = {"small": cut, "base:small": cut, "ensemble:vote (runs/a)": cut}
    alarms = score_alarms({"unchanged": [], "comparisons": [], "models": models, "bases": {"base:small"}})
    assert list(alarms) == ["small: 5 of 10 replies were cut at --max-tokens."]


def test_paths_that_no_filter_has_seen_end_in_what_their_answers_are(built):
    made, _ = built
    file = made.folder / "alone.jsonl"
    rows = rows_of(made.folder / "judged.jsonl")
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = tables(document([str(file)]))["Paths by teacher, style and outcome"]
    right = sum(row["correct"] is True and row["finish_reason"] == "stop" for row in rows)
    assert "not filtered" not in table.columns
    assert table.rows[-1][list(table.columns).index("right")] == f"{right:,}"


def test_routing_shares_are_those_of_the_last_epoch(built):
    made, inputs = built
    lines = [row for row in rows_of(made.folder / "run" / "routing.jsonl") if row["epoch"] == 3]
    kept = {row["path_id"]: row for row in rows_of(made.folder / "kept.jsonl")}
    found = gather(ReportConfig(input=tuple(inputs))).runs[0].shares
    for style in world.STYLES:
        for level in ("easy", "hard"):
            some = [
                row["routed"] for row in lines
                if row["style"] == style and kept[row["path_id"]]["meta"]["difficulty"] == level
            ]  # fmt: skip
            assert found.cell("small", "difficulty", level, style) == (sum("small" in r for r in some), len(some))


def test_commands_are_those_of_the_manifests_and_can_be_given_again(usual):
    made, _, page = usual
    (section,) = [section for section in page.sections if section.slug == "commands"]
    calls = [shlex.split(command) for command in section.commands]
    assert [words[1] for words in calls] == ["judge", "filter", "train", "eval"]
    judged, rejects, kept = (str(made.folder / f"{name}.jsonl") for name in ("judged", "rejects", "kept"))
    assert calls[1] == ["qrd", "filter", judged, "--rejects", rejects, "-o", kept]
    costs = tables(page)["What each stage took"].rows
    assert [row[0] for row in costs] == ["judge", "filter", "train", "eval", "all"]
    assert costs[-1][-2:] == ["50 s", "1.0000"]


def test_a_manifest_leads_only_to_files_that_are_as_it_says(built):
    made, inputs = built
    with (made.folder / "kept.jsonl").open("a") as file:
        file.write("\n")
    page = document(inputs[:1])
    assert "Paths by teacher, style and outcome" not in tables(page)
    assert any("no paths were given" in words for words in page.absent)


def test_rejected_paths_are_not_fetched_from_another_folder(built, tmp_path):
    made, inputs = built
    (made.folder / "rejects.jsonl").rename(tmp_path / "secret.jsonl")
    manifest = made.folder / "kept.jsonl.manifest.json"
    manifest.write_text(
        manifest.read_text().replace(str(made.folder / "rejects.jsonl"), str(tmp_path / "secret.jsonl"))
    )
    found = gather(ReportConfig(input=tuple(inputs)))
    assert not any("secret" in name for name in found.traced)
    assert "dropped" in {entry.fate for entry in found.census.entries()}


def test_no_trace_reads_what_is_given_alone(built):
    _, inputs = built
    assert gather(ReportConfig(input=tuple(inputs), trace=False)).census.paths == {}


def test_the_sample_is_bounded_holds_whole_questions_and_leaves_the_counts_alone(built):
    _, inputs = built
    page, every = document(inputs, sample=40), paths_section(gather(ReportConfig(input=tuple(inputs))), {}).tables
    rows = [len(question["paths"]) + len(question["answers"]) for question in page.sample]
    assert 0 < sum(rows) <= 40
    assert set(rows) <= {12, 5}
    assert tables(page)["Paths by teacher, style and outcome"] == every[0]
    assert "whole questions" in page.sample_note


def test_alarms_tell_of_collapse_starving_lost_steps_and_missing_checks(built):
    made, inputs = built
    run = made.folder / "run"
    metrics = rows_of(run / "metrics.jsonl")
    metrics[-1] |= {"spread": {"small": 0.001, "large": 0.5}, "loss": None}
    made.rows("run/metrics.jsonl", metrics)
    routing = [row | {"routed": ["large"]} for row in rows_of(run / "routing.jsonl")]
    made.rows("run/routing.jsonl", routing)
    told = "\n".join(document(inputs).alarms)
    for words in ("small collapsed", "small got 0 of", "not finite", "nobody checked"):
        assert words in told
    (run / "manifest.json").unlink()
    assert any("is not finished" in alarm for alarm in document(inputs).alarms)


def test_judges_are_counted_and_their_agreement_told(usual):
    made, _, page = usual
    section = next(section for section in page.sections if section.slug == "judges")
    said = [v for row in rows_of(made.folder / "judged.jsonl") for v in row["verdicts"] if v["judge"] == "judge/one"]
    row = section.tables[0].rows[0]
    assert row[:3] == ["judge/one", str(len(said)), str(sum(v["verdict"] == "valid" for v in said))]
    assert "Krippendorff's alpha is" in section.text[1]
    assert {case["kind"] for case in section.cases} >= {"judges differ", "valid"}


def test_runs_are_set_side_by_side(built):
    made, inputs = built
    kept = rows_of(made.folder / "kept.jsonl")
    other = made.write_run("other", made.folder / "kept.jsonl", kept, routing="exclusive")
    answers = made.write_predictions("others.jsonl", other, skill=0.9)
    page = document([*inputs, other, answers], compare=True)
    assert page.sections[0].slug == "compare"
    assert ["routing", "independent", "exclusive"] in [list(row) for row in tables(page)["Options that differ"].rows]
    pairs = [row[:2] for row in tables(page)["Compared question by question"].rows]
    assert ["small (world/run)", "small (world/other)"] in pairs
    assert {figure.slug for figure in page.figures()} >= {"compare-loss-1", "compare-load-2", "compare-accuracy-1"}
    with pytest.raises(ConfigError, match="two or more"):
        document(inputs, compare=True)


def test_every_figure_is_a_file_of_its_own_with_a_title(built, report, tmp_path):
    _, inputs = built
    page = report(inputs[:1], figures=str(tmp_path / "figures")).read_text("utf-8")
    files = list((tmp_path / "figures").glob("*.svg"))
    assert len(files) == page.count("<figure") >= 10
    for file in files:
        root = ElementTree.parse(file).getroot()
        assert root.find("{*}title").text
        assert root.find("{*}style").text
        assert not re.search(r"(NaN|inf|None)\b", file.read_text("utf-8").split("</style>")[1])


def test_a_report_made_again_is_the_same_byte_for_byte(built, report):
    _, inputs = built
    assert report(inputs[:1]).read_bytes() == report(inputs[:1], "again.html").read_bytes()


@pytest.mark.parametrize("value", [None, -1e300, "text", [1], {"a": [1]}, [{"file": 3}]])
@pytest.mark.parametrize("key", ["config", "inputs", "students", "reasons", "seconds", "command", "run"])
def test_a_manifest_of_any_shape_is_survived(built, key, value):
    made, inputs = built
    for file in (made.folder / "run" / "manifest.json", made.folder / "predictions.jsonl.manifest.json"):
        file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    config = ReportConfig(input=(inputs[0],))
    assert composed(gather(config), config).title


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"step": "one"}, r"metrics.jsonl:1:step: found str, expected int"),
        ({"step": 1, "epoch": 1, "loss": 1, "terms": {"a": "b"}}, r"metrics.jsonl:1:terms"),
    ],
)
def test_a_bad_line_of_a_log_is_named(built, line, told):
    made, inputs = built
    made.rows("run/metrics.jsonl", [line])
    with pytest.raises(DataError, match=told):
        document(inputs)


def test_numbers_at_the_edge_of_what_json_holds_are_drawn(built):
    made, inputs = built
    values = (1e308, -1e308, 0.0, 5e-324, None)
    made.rows("run/metrics.jsonl", [
        {"step": 2**62 + n, "epoch": 1e308, "loss": v, "terms": {"distill/small": v, "mutual": v}, "seconds": 1e300,
         "spread": {"small": v}} for n, v in enumerate(values)
    ])  # fmt: skip
    made.rows("run/routing.jsonl", [
        {"epoch": 2**62, "path_id": "?", "id": "?", "style": "s" * 500, "probability": {"small": 0.5}, "routed": []}
    ])  # fmt: skip
    assert all(figure.standalone() for figure in document(inputs[:1]).figures())
