"""The reader names every bad line, and never more than those."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qrd.errors import ConfigError, DataError
from qrd.rows import lines
from qrd.rows.reader import Reader
from qrd.rows.records import Question
from tests.question_rows import reader, row

BAD_LINES: list[tuple[str, bytes, str]] = [
    ("bad UTF-8", b'{"id": "\xff"}', "not UTF-8: invalid start byte (byte 8)"),
    ("surrogate bytes", b'{"id": "\xed\xa0\x80"}', "not UTF-8: invalid continuation byte (byte 8)"),
    ("lone surrogate", b'{"id": "\\ud83d"}', "not JSON: \\ud83d is half a character (byte 8)"),
    ("not an object", b"[1, 2]", "found list, expected a JSON object"),
    ("null", b"null", "found NoneType, expected a JSON object"),
    ("NaN", b'{"id": NaN}', "not JSON: invalid character (byte 7)"),
    ("Infinity", b'{"id": -Infinity}', "not JSON: invalid"),
    ("1e999", b'{"id": 1e999}', "not JSON: number out of range"),
    ("5,000 digits", b'{"id": ' + b"1" * 5000 + b"}", "not JSON: integer value out of range"),
    ("nesting", b"[" * 10**5, "not JSON: nested too deeply"),
    ("nesting of objects", b'{"a":' * 10**5, "not JSON: nested too deeply"),
    ("NUL", b'{"id": "a\0"}', "not JSON: invalid character (byte 9)"),
    ("NUL behind", b'{"id": "a"}\0', "not JSON: trailing characters"),
    ("two objects", b'{"id": "a"}{"id": "b"}', "not JSON: trailing characters"),
    ("key twice", b'{"id": "a", "id": "b"}', "id: this key stands twice in the object"),
    ("key twice below", b'{"id": "a", "meta": {"x": [{"y": 1, "y" : 2}]}}', "y: this key stands twice in the object"),
    ("key twice, spelt otherwise", b'{"id": "a", "\\u0069d": "b"}', "id: this key stands twice in the object"),
    ("cut", b'{"id": "a', "not JSON: "),
    ("missing field", b'{"id": "a"}', "task: found nothing, expected this field"),
    ("wrong type", b'{"id": 1, "task": "text", "question": "q"}', "id: found int, expected str"),
]


@pytest.mark.parametrize(("raw", "problem"), [bad[1:] for bad in BAD_LINES], ids=[bad[0] for bad in BAD_LINES])
def test_a_bad_line_is_named_and_the_lines_around_it_are_read(tmp_path: Path, raw: bytes, problem: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines.encode(row(0)) + raw + b"\n" + lines.encode(row(1)))
    lenient = reader(file, skip_bad=True)
    assert [found.fields for found in lenient] == [row(0), row(1)]
    separator = ":" if problem.split(":")[0] in ("id", "y", "task") else ": "
    assert [str(error).startswith(f"{file}:2{separator}{problem}") for error in lenient.bad.first] == [True]
    assert lenient.num_rows == 3
    with pytest.raises(DataError) as caught:
        reader(file).scan()
    assert str(caught.value) == str(lenient.bad.first[0])


def test_every_bad_line_is_counted_and_the_first_twenty_are_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"x\n" * 50)
    with pytest.raises(DataError) as caught:
        reader(file).scan()
    named = str(caught.value).splitlines()
    assert [line.split(":")[1] for line in named[:20]] == [str(number) for number in range(1, 21)]
    assert named[20:] == ["... and 30 more bad lines"]


def test_a_file_of_nothing_but_bad_lines_does_not_fill_the_memory(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"x\n" * 5000)
    lenient = reader(file, skip_bad=True)
    assert list(lenient) == []
    assert (len(lenient.bad), len(lenient.bad.first)) == (5000, 20)


def whole_rows(text: bytes) -> Callable[[Path], list[dict[str, Any]]]:
    def rows(file: Path) -> list[dict[str, Any]]:
        file.write_bytes(text)
        return [found.fields for found in reader(file)]

    return rows


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + lines.encode(row(0)) + lines.encode(row(1)),
        lines.encode(row(0))[:-1] + b"\r\n" + lines.encode(row(1))[:-1] + b"\r\n",
        b"\n  \n" + lines.encode(row(0)) + b"\r\n\t\n" + lines.encode(row(1)) + b"\n\n",
        lines.encode(row(0)) + lines.encode(row(1))[:-1],
    ],
    ids=["byte order mark", "CRLF", "blank lines", "no final line end"],
)
def test_harmless_differences_between_files_are_read(tmp_path: Path, text: bytes) -> None:
    assert whole_rows(text)(tmp_path / "rows.jsonl") == [row(0), row(1)]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_only_the_line_feed_ends_a_line(tmp_path: Path, character: str) -> None:
    fields = {**row(0), "question": f"one{character}two"}
    text = json.dumps(fields, ensure_ascii=character < " ").encode() + b"\n"
    assert whole_rows(text)(tmp_path / "rows.jsonl") == [fields]


def test_text_that_looks_like_a_key_twice_is_text(tmp_path: Path) -> None:
    fields = {**row(0), "question": 'say {"id": 1, "id" : 2} and \\"id": ', "meta": {"id": {"id": [{"id": 1}]}}}
    assert whole_rows(lines.encode(fields))(tmp_path / "rows.jsonl") == [fields]


def test_a_line_over_the_cap_is_bad_and_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(lines, "BLOCK_BYTES", 256)
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines.encode(row(0)) + b'{"id": "' + b"x" * 5000 + b'"}\n' + lines.encode(row(1)))
    lenient = reader(file, skip_bad=True)
    assert [found.line for found in lenient] == [1, 3]
    assert "2: the line is longer than" in str(lenient.bad.first[0])
    with open(file, "rb") as stream:
        assert max(len(raw) for _, raw in lines.numbered(stream, "f")) == 1001


def test_the_hash_of_an_input_is_that_of_all_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1000)
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + lines.encode(row(0)) + b"y" * 5000 + b"\r\n\n")
    lenient = reader(file, skip_bad=True)
    list(lenient)
    assert lenient.sha256 == {str(file): hashlib.sha256(file.read_bytes()).hexdigest()}


def test_a_key_that_stands_twice_is_found_however_colons_are_spelt(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    colons = ("\\u003a", "\\u003A", ":", "\\\\u003a", '\\":', "")
    good = [f'{{"id": "{n}", "task": "text", "question": "{text}{text}"}}' for n, text in enumerate(colons)]
    bad = [line.replace('"task"', '"x": 1, "x": 1, "task"').replace('"id": "', '"id": "b') for line in good]
    file.write_text("\n".join(good + bad))
    lenient = reader(file, skip_bad=True)
    assert [found.line for found in lenient] == [1, 2, 3, 4, 5, 6]
    assert all(str(error).endswith("x: this key stands twice in the object") for error in lenient.bad.first)
    assert len(lenient.bad) == 6


@pytest.mark.parametrize("block_bytes", [1, 7, 64, 2**18])
def test_lines_are_the_same_in_blocks_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", block_bytes)
    file = tmp_path / "rows.jsonl"
    for text in (b"", b"\n", b"a", b"a\n\nbc\r\n\x0bd\xe2\x80\xa8e\n" + b"long " * 50, b"x\n" * 90):
        file.write_bytes(text)
        with open(file, "rb") as stream:
            expected = list(text.split(b"\n"))
            found = list(lines.numbered(stream, "f"))
        assert b"".join(line for _, line in found) == text
        assert [line.removesuffix(b"\n") for _, line in found] == (expected if expected[-1] else expected[:-1])
        assert [number for number, _ in found] == [*range(1, len(found) + 1)]


def test_a_field_is_added_to_a_line_and_its_other_bytes_stay() -> None:
    assert lines.with_field(b' {"a" : 1e2 }\r\n', "b", ["\u00fc"]) == '{"a" : 1e2,"b":["ü"]}\n'.encode()
    for line in (b'{"a":1,"b":2}', b'{"a":1,"\\u0062":2}'):
        assert json.loads(lines.with_field(line, "b", "new")) == {"a": 1, "b": "new"}
        assert lines.with_field(line, "b", "new").count(b":") == 2


def test_an_id_used_twice_is_named_with_its_first_use(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_bytes(lines.encode(row(0)))
    two.write_bytes(lines.encode(row(1)) + lines.encode(row(0)))
    with pytest.raises(DataError) as caught:
        list(Reader([str(one), str(two)], Question, unique="id"))
    assert str(caught.value) == f"{two}:2:id: found 'q0' again, first used at {one}:1"
    assert len(list(Reader([str(one), str(two)], Question, unique=None))) == 3


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for name in (tmp_path / "absent.jsonl", tmp_path):
        with pytest.raises(ConfigError, match=f"^{name}: cannot be read: "):
            reader(name).scan()


def test_a_pipe_is_not_opened_ahead_of_reading(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    source = reader(pipe)
    assert source.scan() is None
    feeding = threading.Thread(target=pipe.write_bytes, args=(lines.encode(row(0)),))
    feeding.start()
    assert [found.fields for found in source] == [row(0)]
    feeding.join()


def test_standard_input_that_is_closed_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ConfigError, match="standard input is closed"):
        lines.open_input("-")


def test_the_bad_rows_of_one_reading_are_not_those_of_the_next(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines.encode(row(0)) + b"x\n")
    lenient = reader(file, skip_bad=True)

    def counts() -> Iterator[tuple[int, int, int]]:
        for _ in range(2):
            yield len(list(lenient)), len(lenient.bad), lenient.num_rows

    assert list(counts()) == [(1, 1, 2), (1, 1, 2)]
