"""An import loses no row unseen, names every bad one, and leaves an output whole or as it was."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qrd.errors import ConfigError, DataError
from qrd.rows.reader import Reader
from qrd.rows.records import Question

GSM = '{"question": "Sum of 1 and %d?", "answer": "#### %d"}'
TASKS_EXPECTED = "expected one of choice, boolean, nli, math, text; --task says it for rows that do not"
ARC_QUESTION = '{"stem": "s", "choices": [{"label": "A", "text": "x"}, {"label": "B", "text": "y"}]}'


def gsm_rows(number: int) -> str:
    return "".join(GSM % (i, i + 1) + "\n" for i in range(number))


def qrd(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "qrd", *words], input=given, capture_output=True, timeout=60)


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("gsm8k", '{"answer": "#### 1"}', "1:question: found nothing, expected a text"),
        ("gsm8k", '{"question": "q", "answer": "12"}',
         "1:answer: found '12', expected a solution that ends in #### and a number"),
        ("gsm8k", '{"question": 5, "answer": "#### 1"}', "1:question: found 5, expected a text"),
        ("gsm8k", "[1]", "1: found list, expected a JSON object"),
        ("gsm8k", '{"question": NaN}', "1: not JSON: invalid character (byte 13)"),
        ("gsm8k", '{"question": "a", "question": "b", "answer": "#### 1"}',
         "1:question: this key stands twice in the object"),
        ("math", '{"problem": "p", "solution": "no box"}',
         "1:solution: found 'no box', expected a solution with a \\boxed answer"),
        ("arc", '{"id": "1", "question": {"stem": " "}, "answerKey": "A"}',
         "1:question.stem: found ' ', expected a text"),
        ("arc", '{"id": "1", "question": "s", "choices": {"label": ["A"], "text": ["x", "y"]}, "answerKey": "A"}',
         "1:choices: found {'label': ['A'], 'text': ['x', 'y']}, expected two or more choices, each with a label"
         " and a text"),
        ("arc", f'{{"question": {ARC_QUESTION}, "answerKey": "C"}}', "1:answerKey: found 'C', expected one of A, B"),
        ("arc", f'{{"question": {ARC_QUESTION}}}', "1:answerKey: found nothing, expected a text"),
        ("arc", f'{{"question": {ARC_QUESTION.replace("B", "A")}, "answerKey": "A"}}',
         "1:question.choices: found the labels A, A, expected each label once"),
        ("strategy_qa", '{"question": "q", "answer": "maybe"}', "1:answer: found 'maybe', expected true or false"),
        ("strategy_qa", '{"question": "q", "answer": true, "facts": 3}',
         "1:facts: found 3, expected a list of texts"),
        ("anli", '{"context": "c", "hypothesis": "h", "label": -1}',
         "1:label: found -1, expected e, n or c, or 0, 1 or 2"),
        ("anli", '{"context": "c", "hypothesis": "h", "label": true}',
         "1:label: found True, expected e, n or c, or 0, 1 or 2"),
        ("anli", '{"hypothesis": "h", "label": "e"}', "1:context: found nothing, expected a text"),
        ("date", '{"input": "q", "target_scores": {"a": 0, "b": 0}}',
         "1:target_scores: found 0 choices with score 1, expected one"),
        ("date", '{"inputs": "q", "multiple_choice_targets": ["a"], "multiple_choice_scores": []}',
         "1:multiple_choice_scores: found [], expected one score for each of multiple_choice_targets"),
        ("date", '{"input": "q\\nOptions:\\n(A) 1\\n(B) 2", "target": "(C)"}',
         "1:target: found '(C)', expected one of A, B"),
        ("tabmwp", '{"question": "q", "table": "t", "answer": "z", "choices": ["x", "y"]}',
         "1:answer: found 'z', expected one of the 2 choices"),
        ("plain", '{"question": "q", "answer": "12"}',
         f"1:task: found nothing, {TASKS_EXPECTED}"),
        ("plain", '{"question": "q", "task": "essay", "answer": "x"}',
         f"1:task: found 'essay', {TASKS_EXPECTED}"),
        ("plain", '{"question": "q", "choices": ["B", "A"], "answer": "A"}',
         "1:answer: found 'A', expected the letter, text or place of one choice, not what may be A or B"),
        ("plain", '{"question": "q", "choices": ["x", "y"], "answer": 2}',
         "1:answer: found 2, expected a letter from A to B, the text of one choice, or its place from 0 to 1"),
        ("plain", '{"question": "q", "task": "boolean", "answer": "perhaps"}',
         "1:answer: found 'perhaps', expected yes or no"),
        ("plain", '{"question": "q", "choices": ["x"], "answer": "A"}',
         "1:choices: found 1 choices, expected 2 to 26 for task choice"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_is_named_with_what_was_found_and_expected(
    imported, tmp_path: Path, name: str, row: str, message: str
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(row + "\n", "utf-8")
    with pytest.raises(DataError) as caught:
        imported(name, file)
    assert str(caught.value) == f"{file}:{message}"


def test_a_row_of_a_file_without_lines_is_named_by_its_place(imported, tmp_path: Path) -> None:
    array, of_objects = tmp_path / "array.json", tmp_path / "objects.json"
    array.write_text('[{"question": "q", "answer": true},\n {"question": "q"}, 7]')
    of_objects.write_text('{"a": {"question": "q", "answer": "1"}}')
    with pytest.raises(DataError) as caught:
        imported("strategy_qa", array)
    assert str(caught.value).splitlines() == [
        f"{array}:[1].answer: found nothing, expected true or false", f"{array}:[2]: found 7, expected an object",
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"objects.json:\['a'\].table: found nothing, expected a text"):
        imported("tabmwp", of_objects)


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ("question,answer\nq\n", "2: found 1 cells, expected 2 as in the header"),
        ('question,answer\nq,"open\n', "2: not CSV: unexpected end of data"),
        ('question,answer\n"a"b,c\n', "2: not CSV: ',' expected after '\"'"),
        ("question,question\na,b\n", "1: found the columns question, question, expected each once"),
        ("question,answer\nq\udcff,1\n", "2: found bytes that are not UTF-8"),
        (
            "question,answer,A,B,C\nq,A,x,,z\n",
            "2:choices: found ['x', None, 'z'], expected columns A, B, C without a gap",
        ),
        ("question,answer,choices\nq,A,x|y\n", "2:choices: found 'x|y', expected a JSON list of texts"),
    ],
)
def test_a_bad_row_of_csv_is_named_by_the_line_it_begins_on(imported, tmp_path: Path, csv: str, message: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(csv.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError) as caught:
        imported("plain", file, task="text")
    assert str(caught.value).startswith(f"{file}:{message}")


def test_skip_bad_writes_the_rest_under_the_ids_it_would_have_anyway(imported, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(GSM % (1, 2) + "\n\nnot json\n" + GSM % (2, 3) + "\n" + '{"question": "q"}\n', "utf-8")
    rows = imported("gsm8k", file, skip_bad=True)
    assert [row["id"] for row in rows] == ["gsm8k-train-00000", "gsm8k-train-00002"]
    manifest = json.loads((tmp_path / "questions.jsonl.manifest.json").read_text())
    assert (manifest["rows_in"], manifest["rows_out"], manifest["reasons"]) == (4, 2, {"bad": 2})


def test_all_bad_rows_are_named_and_the_old_output_stays(imported, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text(gsm_rows(2))
    bad.write_text(gsm_rows(1) + "{}\n" * 30)
    before = imported("gsm8k", good)
    with pytest.raises(DataError) as caught:
        imported("gsm8k", bad)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{bad}:2:answer: found nothing, expected a text"
    assert lines[-1] == "... and 10 more bad lines"
    assert [json.loads(line) for line in (tmp_path / "questions.jsonl").read_text().splitlines()] == before
    assert not list(tmp_path.glob("*.tmp"))


def test_no_resume_sets_the_old_output_aside(imported, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(gsm_rows(2))
    imported("gsm8k", file)
    imported("gsm8k", file, resume=False, limit=1)
    assert len((tmp_path / "questions.jsonl").read_text().splitlines()) == 1
    assert len((tmp_path / "questions.jsonl.old-1").read_text().splitlines()) == 2


def test_shards_are_disjoint_and_together_everything(imported, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(gsm_rows(60))
    everything = imported("gsm8k", file)
    parts = [imported("gsm8k", file, shard=f"{part}/3") for part in (1, 2, 3)]
    assert sorted((row for part in parts for row in part), key=lambda row: row["id"]) == everything
    assert all(10 <= len(part) <= 30 for part in parts)


def test_a_shard_does_not_change_when_rows_are_added(imported, tmp_path: Path) -> None:
    short, long = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    short.write_text(gsm_rows(20))
    long.write_text(gsm_rows(40))
    before, after = imported("gsm8k", short, shard="2/4"), imported("gsm8k", long, shard="2/4")
    assert after[: len(before)] == before


def test_limit_is_the_first_rows_of_the_shard(imported, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(gsm_rows(40))
    assert imported("gsm8k", file, limit=3) == imported("gsm8k", file)[:3]
    assert imported("gsm8k", file, limit=3, shard="1/2") == imported("gsm8k", file, shard="1/2")[:3]


def test_several_files_are_numbered_through(imported, tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl"):
        (tmp_path / name).write_text(gsm_rows(2))
    rows = imported("gsm8k", tmp_path / "b.jsonl", tmp_path / "a.jsonl", split="test")
    assert [row["id"] for row in rows] == [f"gsm8k-test-0000{number}" for number in range(4)]


def test_a_subset_of_math_is_chosen_by_subject(imported, published: Path, tmp_path: Path) -> None:
    rows = imported("math", published / "MATH", subset="number_theory")
    assert [row["id"] for row in rows] == ["math-train-00002"]
    manifest = json.loads((tmp_path / "questions.jsonl.manifest.json").read_text())
    assert (manifest["rows_in"], manifest["reasons"]) == (3, {"other_subset": 2})


def test_a_round_of_anli_is_chosen_by_folder_or_said_of_rows_that_have_none(imported, published: Path) -> None:
    assert len(imported("anli", published / "anli", subset="r2")) == 3
    assert imported("anli", published / "anli", subset="r3") == []
    assert {row["meta"]["round"] for row in imported("anli", published / "anli_hub.jsonl", subset="r3")} == {"r3"}


def test_ids_of_the_rows_are_kept_where_asked(imported, published: Path, tmp_path: Path) -> None:
    assert [row["id"] for row in imported("arc", published / "arc_ai2.jsonl", keep_ids=True)] == ["Mine_1", "Mine_2"]
    file = tmp_path / "twice.jsonl"
    file.write_text('{"id": "k", "question": "q", "answer": "#### 1"}\n' * 2 + GSM % (1, 2) + "\n")
    with pytest.raises(DataError) as caught:
        imported("gsm8k", file, keep_ids=True)
    assert str(caught.value).splitlines() == [
        f"{file}:2:id: found 'k' again, first used at {file}:1",
        f"{file}:3:id: found nothing, expected an id to keep",
    ]


def test_the_manifest_says_what_was_read(imported, published: Path, tmp_path: Path) -> None:
    source = published / "gsm8k.jsonl"
    imported("gsm8k", source)
    manifest = json.loads((tmp_path / "questions.jsonl.manifest.json").read_text())
    assert manifest["inputs"][0]["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    output = (tmp_path / "questions.jsonl").read_bytes()
    assert manifest["output"]["sha256"] == hashlib.sha256(output).hexdigest()


def test_what_an_import_writes_reads_back_as_questions(imported, published: Path, tmp_path: Path) -> None:
    imported("tabmwp", published / "tabmwp.json")
    reader = Reader([str(tmp_path / "questions.jsonl")], Question, unique="id")
    assert [row.record.task for row in reader] == ["math", "choice"]


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("gsm8k", "gsm8k.jsonl"), ("strategy_qa", "strategy_qa.json"), ("tabmwp", "tabmwp.json"),
        ("date", "date_hard.json"), ("plain", "plain.csv"), ("math", "MATH/train/algebra/10.json"),
    ],
)  # fmt: skip
def test_standard_input_is_read_in_whatever_form_it_comes(imported, published: Path, name: str, form: str) -> None:
    given = (published / form).read_bytes()
    done = qrd("data", "import", name, "-", "--dataset", "d", "--quiet", given=b"\n" + given)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    expected = imported(name, published / form, dataset="d")
    for row in (*rows, *expected):  # a problem that is a file takes its id from the file's name
        row["meta"].pop("source_id", None)
    assert rows == expected


def test_bad_rows_of_standard_input_end_in_exit_code_4_and_with_skip_bad_in_3() -> None:
    given = (gsm_rows(1) + "{}\n").encode()
    stopped = qrd("data", "import", "gsm8k", given=given)
    assert stopped.returncode == 4
    assert b"<stdin>:2:answer: found nothing, expected a text" in stopped.stderr
    partial = qrd("data", "import", "gsm8k", "--skip-bad", given=given)
    assert (partial.returncode, partial.stdout.count(b"\n")) == (3, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "gsm"}, "gsm: not one of gsm8k, math, arc"),
        ({"name": "gsm8k", "input": "absent.jsonl"}, "absent.jsonl: cannot be read: No such file or directory"),
        ({"name": "gsm8k", "task": "math"}, "--task: only for plain rows and conversations, not for gsm8k"),
        ({"name": "gsm8k", "subset": "main"}, "--subset: only for --hub, and for the files of math and anli"),
        ({"name": "gsm8k", "gym_options": "{}"}, "--gym-options: only for reasoning-gym:TASK, not for gsm8k"),
        ({"name": "gsm8k", "hub": True, "input": "x"}, "FILES: only for imports from files, not for gsm8k --hub"),
        ({"name": "gsm8k", "hub": True, "subset": "other"}, "'other' is not in openai/gsm8k; it has main, socratic"),
        ({"name": "tabmwp", "hub": True}, "--hub: no place on the hub is known for tabmwp"),
        ({"name": "reasoning-gym:gcd", "hub": True}, "--hub: only for data sets that are published"),
        ({"name": "reasoning-gym:gcd", "input": "x"}, "FILES: only for imports from files"),
    ],
)
def test_options_that_do_not_go_together_are_refused(imported, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        imported(**options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        ("datasets", {"hub": True}, "--hub needs datasets: pip install 'qrd[hub]'"),
        ("pyarrow", {"input": "rows.parquet"}, "rows.parquet: Parquet needs pyarrow: pip install 'qrd[hub]'"),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_its_command(
    imported, monkeypatch: pytest.MonkeyPatch, module: str, options: dict[str, Any], message: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError) as caught:
        imported("gsm8k", **options)
    assert str(caught.value) == message


def test_a_folder_without_data_is_refused(imported, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"holds no \.jsonl, \.json, \.csv, \.tsv, \.parquet file"):
        imported("math", tmp_path / "empty")


def test_parquet_without_its_ending_is_named(imported, tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"PAR1\x15\x04")
    with pytest.raises(ConfigError, match=r"holds Parquet; give it as a file that ends in \.parquet"):
        imported("gsm8k", tmp_path / "rows")


def test_parquet_is_read_where_pyarrow_is_installed(imported, tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = [json.loads(line) for line in gsm_rows(3).splitlines()]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    assert [row["answer"] for row in imported("gsm8k", tmp_path / "rows.parquet")] == ["1", "2", "3"]
