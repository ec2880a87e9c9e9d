"""Files as people have them: other separators, encodings and capitals, compressed, and choices in each known form."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from qrd.errors import ConfigError, DataError

HEADER, ROW = ("question", "answer"), ("How much is „2+2“, naïvely?", "4")


def table(separator: str, *, header: tuple[str, ...] = HEADER) -> str:
    return "".join(f"{separator.join(cells)}\r\n" for cells in (header, ROW)).replace(
        ROW[0], f'"{ROW[0]}"' if separator == "," else ROW[0]
    )


def asked(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["question"], row["answer"]) for row in rows]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.txt", "rows.csv.gz"])
def test_a_table_is_read_whatever_sets_its_cells_apart(imported, tmp_path: Path, separator: str, name: str) -> None:
    data = table(separator).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    rows = imported("plain", tmp_path / name, task="math")
    assert asked(rows) == [ROW]
    assert rows[0]["id"] == "rows-train-00000"


@pytest.mark.parametrize("header", ["question,answer (a;b)", "question,answer|x", '"a;b;c",answer'])
def test_a_comma_goes_before_what_stands_inside_its_cells(imported, tmp_path: Path, header: str) -> None:
    (tmp_path / "rows.csv").write_text(f"{header}\n2+2?,4\n", "utf-8")
    columns = [f"{field}={name}" for field, name in zip(HEADER, header.replace('"', "").split(","))]
    assert asked(imported("plain", tmp_path / "rows.csv", task="math", column=columns)) == [("2+2?", "4")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "json", ""])
def test_an_encoding_that_a_file_tells_is_read(imported, tmp_path: Path, encoding: str, form: str) -> None:
    row = json.dumps(dict(zip(HEADER, ROW)), ensure_ascii=False)
    text = {"csv": table(";"), "jsonl": row + "\n", "json": f"[{row}]", "": table(",")}[form]
    (tmp_path / f"rows.{form}").write_bytes(text.encode(encoding))
    assert asked(imported("plain", tmp_path / f"rows.{form}", task="math")) == [ROW]


def test_an_encoding_that_cannot_be_told_is_asked_for_and_read_where_it_is_named(imported, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(table(";").encode("cp1252"))
    with pytest.raises(DataError, match=r"rows\.csv:2: found bytes that are not UTF-8; --encoding says what they are"):
        imported("plain", tmp_path / "rows.csv", task="math")
    assert asked(imported("plain", tmp_path / "rows.csv", task="math", encoding="cp1252")) == [ROW]


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", ""])
def test_a_name_of_no_encoding_is_refused(imported, tmp_path: Path, name: str) -> None:
    (tmp_path / "rows.csv").write_text(table(","), "utf-8")
    with pytest.raises(ConfigError, match="--encoding: found"):
        imported("plain", tmp_path / "rows.csv", task="math", encoding=name)


def test_what_is_no_text_in_its_encoding_is_refused(imported, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(table(",").encode("utf-16")[:-1])
    with pytest.raises(ConfigError, match=r"rows\.csv: is no text in utf-16: "):
        imported("plain", tmp_path / "rows.csv", task="math")


def test_columns_in_capitals_are_read_and_errors_name_them(imported, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(table(";", header=("Question", "ANSWER")), "utf-8")
    assert asked(imported("plain", tmp_path / "rows.csv", task="math")) == [ROW]
    (tmp_path / "rows.csv").write_text("Question,answer\n,4\n", "utf-8")
    with pytest.raises(DataError, match=r"rows\.csv:2:Question: found '', expected a text$"):
        imported("plain", tmp_path / "rows.csv", task="math")


def test_a_table_without_a_column_shows_those_it_has(imported, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("q,a\n2+2?,4\n", "utf-8")
    words = r"rows\.csv:2:question: found nothing, expected a text; the columns are 'q', 'a': --column question=COLUMN"
    with pytest.raises(DataError, match=words):
        imported("plain", tmp_path / "rows.csv", task="math")


def test_compressed_standard_input_is_hashed_as_it_came(imported, tmp_path: Path, monkeypatch) -> None:
    data = gzip.compress(table(",").encode())
    (tmp_path / "in").write_bytes(data)
    with open(tmp_path / "in", "rb") as stream:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stream))
        assert asked(imported("plain", "-", task="math")) == [ROW]
    manifest = json.loads((tmp_path / "questions.jsonl.manifest.json").read_bytes())
    assert manifest["inputs"][0]["sha256"] == hashlib.sha256(data).hexdigest()


TEXTS = ["red", "blue", "green"]
CHOICES: list[dict[str, Any]] = [
    {"choices": TEXTS}, {"options": TEXTS}, {"options": dict(zip("ABC", TEXTS))},
    {"choices": {"text": TEXTS, "label": ["A", "B", "C"]}}, {"choices": json.dumps(TEXTS)},
    {"options": [{"label": label, "text": text} for label, text in zip("ABC", TEXTS)]}, dict(zip("ABC", TEXTS)),
]  # fmt: skip


@pytest.mark.parametrize("choices", CHOICES)
@pytest.mark.parametrize("answer", ["B", "b", "(B)", "B.", "blue", 1, "1"])
def test_choices_and_the_answer_to_them_are_read_in_each_known_form(
    imported, tmp_path: Path, choices: dict[str, Any], answer: object
) -> None:
    (tmp_path / "rows.jsonl").write_text(
        json.dumps({"question": "Which?", **choices, "answer": answer}) + "\n", "utf-8"
    )
    (question,) = imported("plain", tmp_path / "rows.jsonl")
    assert (question["task"], question["choices"], question["answer"]) == ("choice", TEXTS, "B")


@pytest.mark.parametrize(
    ("choices", "answer", "letter"),
    [
        ({"text": ["x", "y"], "label": ["1", "2"]}, "1", "A"), ({"1": "x", "2": "y"}, "2", "B"),
        (["3", "4"], "4", "B"), (["0", "1"], 1, "B"), (["b", "a"], "b", "A"), (["x", "y"], 0, "A"),
    ],
)  # fmt: skip
def test_labels_and_texts_go_before_places(imported, tmp_path: Path, choices: Any, answer: object, letter: str) -> None:
    row = {"question": "Which?", "choices": choices, "answer": answer}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    assert imported("plain", tmp_path / "rows.jsonl")[0]["answer"] == letter


@pytest.mark.parametrize(
    ("choices", "answer"),
    [(["1", "0"], 1), (["x", "y"], 2), (["x", "y"], -1), (["x", "y"], True), (["x", "y"], 1.0), (["x", "y"], "c"),
     ({"A": "x", "B": 3}, "A"), ({"text": ["x"], "label": []}, "A"), ([], "A")],
)  # fmt: skip
def test_what_may_be_two_choices_or_none_is_refused(imported, tmp_path: Path, choices: Any, answer: object) -> None:
    row = {"question": "Which?", "choices": choices, "answer": answer}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    with pytest.raises(DataError, match=r"rows\.jsonl:1:(answer|choices): found "):
        imported("plain", tmp_path / "rows.jsonl", task="choice")


def test_mmlu_is_read_as_the_hub_has_it(imported, tmp_path: Path) -> None:
    rows = [
        {"question": "Which?", "subject": "anatomy", "choices": ["1", "0", "x", "y"], "answer": place}
        for place in (0, 1, 3, "C")
    ]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    found = imported("mmlu", tmp_path / "test.jsonl", split="test", subset="anatomy")
    assert [row["answer"] for row in found] == ["A", "B", "D", "C"]
    assert found[0]["meta"] == {"dataset": "mmlu", "subject": "anatomy"}
    (tmp_path / "test.jsonl").write_text(json.dumps({**rows[0], "answer": 4}) + "\n", "utf-8")
    with pytest.raises(DataError, match="answer: found 4, expected a letter from A to D"):
        imported("mmlu", tmp_path / "test.jsonl")


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        (r"\boxed\frac{1}{2}.", r"\frac{1}{2}"), (r"$\boxed\frac12$", r"\frac{1}{2}"),
        (r"\boxed \dfrac1{72}", r"\dfrac{1}{72}"),
        (r"\boxed\sqrt2", r"\sqrt{2}"), (r"\fbox\pi", r"\pi"), (r"\boxed 7", "7"),
        (r"\boxed\text{even}", r"\text{even}"),
        (r"\boxed{\frac12}", r"\frac12"),
    ],
)  # fmt: skip
def test_a_box_without_braces_holds_its_macro_with_its_arguments(
    imported, tmp_path: Path, solution: str, answer: str
) -> None:
    row = {"problem": "Find x.", "solution": solution, "level": "Level 1", "type": "Algebra"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    assert imported("math", tmp_path / "rows.jsonl")[0]["answer"] == answer


@pytest.mark.parametrize("solution", [r"\boxed\frac", r"\boxed\frac1", r"\boxed\frac{1}{2"])
def test_a_macro_in_a_box_without_its_arguments_is_no_answer(imported, tmp_path: Path, solution: str) -> None:
    row = {"problem": "Find x.", "solution": solution, "level": "Level 1", "type": "Algebra"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    with pytest.raises(DataError, match=r"solution: found .* expected a solution with a \\boxed answer"):
        imported("math", tmp_path / "rows.jsonl")
