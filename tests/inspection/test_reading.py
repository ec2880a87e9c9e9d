"""Any row of a file at once, and searches that find what is there and nothing else."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from qrd.errors import ConfigError
from qrd.inspection.blocks import Lines
from qrd.inspection.book import Book
from qrd.inspection.difference import difference, likeness
from qrd.inspection.exporting import CalledOff, export
from qrd.inspection.hunt import Hunt
from qrd.inspection.wanted import Id, Text, wanted


def test_every_line_of_any_file_is_where_the_index_says(tmp_path: Path) -> None:
    chance, file = random.Random(1), tmp_path / "any"
    for _ in range(300):
        parts = (b"\n", b"a", b"bb", b"ccc\n", b"x" * 9)
        file.write_bytes(b"".join(chance.choice(parts) for _ in range(chance.randint(0, 20))))
        lines = Lines(str(file), block_bytes=chance.choice([1, 2, 4, 7, 64]))
        for _ in range(2):  # and again when the file has grown
            lines.count()
            there = list(io.BytesIO(file.read_bytes()))
            assert [lines.line(number) for number in range(lines.num_lines)] == there
            chunks = [lines.chunk(block) for block in range(lines.num_blocks)]
            assert [line for chunk in chunks for line in chunk.lines()] == there
            assert all(there[chunk.first : chunk.first + 1] == chunk.lines()[:1] for chunk in chunks if chunk.data)
            with file.open("ab") as stream:
                stream.write(chance.choice(parts))
        lines.close()


@pytest.fixture
def book(tmp_path: Path):
    """A book of two files, their rows with a text as given; blocks are small."""

    def made(*texts: str, ensure_ascii: bool = True) -> Book:
        half = len(texts) // 2
        names = []
        for number, part in enumerate((texts[:half], texts[half:])):
            rows = [{"id": f"q{text}", "path_id": f"p{number}{k}", "response": text} for k, text in enumerate(part)]
            names.append(str(tmp_path / f"{number}.jsonl"))
            lines = (json.dumps(row, ensure_ascii=ensure_ascii) + "\n" for row in rows)
            Path(names[-1]).write_text("".join(lines), "utf-8")
        whole = Book(names)
        for lines in whole.files:
            lines.block_bytes = 64
        whole.count()
        return whole

    return made


def rows(book: Book, hunt: Hunt) -> list[int]:
    return [book.row(handle) for handle in hunt.start().wait().found]


@pytest.mark.parametrize("ensure_ascii", [True, False])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("straße", [1]), ("DIE STRA", [1]), ('say "no"', [2]), ("a\nb", [3]), ("back\\slash", [4]), ("plain", [0, 5]),
        ("Plain Text", [0, 5]), ("ne", []), ("response", []), ("a/b", [6]),
    ],
)  # fmt: skip
def test_a_text_is_found_however_json_spells_it_and_no_key_is(book, ensure_ascii: bool, text: str, found) -> None:
    texts = ["plain text", "die Straße", 'say "no"', "a\nb", "back\\slash", "PLAIN TEXT", "a/b"]
    there = book(*texts, ensure_ascii=ensure_ascii)
    assert rows(there, Hunt(there, Text(text))) == found


def test_the_next_row_is_found_in_both_directions_and_around_the_end(book) -> None:
    there = book(*"abcabcabc")
    for begin, step, found in ((0, 1, 3), (3, 1, 6), (6, 1, 0), (6, -1, 3), (0, -1, 6), (4, -1, 3), (7, 1, 0)):
        hunt = Hunt(there, Text("a"), begin=there.handle(begin), step=step, most=1)
        assert rows(there, hunt) == [found]
        assert hunt.has_wrapped == ((found - begin) * step <= 0)


def test_a_filter_takes_conditions_and_texts_as_a_shell_reads_them(book) -> None:
    there = book("one", "two words", "one more", "x=3")
    for query, found in (
        ("response=one", [0]), ("one", [0, 2]), ("one response!=one", [2]), ('"two words"', [1]), ("id!=qone w", [1]),
        ("", [0, 1, 2, 3]),
    ):  # fmt: skip
        assert rows(there, Hunt(there, wanted(query))) == found
    with pytest.raises(ConfigError, match="no closing quotation"):
        wanted('"open')


def test_ids_are_compared_whole(book) -> None:
    there = book("1", "11", "é", ensure_ascii=True)
    assert [rows(there, Hunt(there, Id(name))) for name in ("q1", "q11", "qé", "p10", "q")] == [[0], [1], [2], [1], []]


def test_a_search_ends_soon_after_it_is_called_off(book) -> None:
    there = book(*"ab" * 50)
    asked = threading.Event()

    class Slow:
        def may_be_in(self, data: bytes) -> bool:
            asked.set()
            return True

        def holds(self, raw: bytes) -> bool:
            hunt.cancel()
            return True

    hunt = Hunt(there, Slow())
    assert len(rows(there, hunt)) < 5
    assert asked.is_set()
    assert hunt.is_cancelled


def test_an_export_is_byte_for_byte_and_changes_nothing_when_called_off(book, tmp_path: Path) -> None:
    there = book("a", "b", "c", "d")
    target = tmp_path / "some.jsonl"
    handles = [there.handle(row) for row in (3, 0)]
    assert export(there, handles, str(target)) == 2
    assert target.read_bytes() == there.raw(handles[0]) + there.raw(handles[1])
    with pytest.raises(CalledOff):
        export(there, handles, str(target), lambda: True)
    assert len(target.read_bytes().splitlines()) == 2
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "0.jsonl")
    for name in ("1.jsonl", "link.jsonl"):
        with pytest.raises(ConfigError, match="is the file that is shown"):
            export(there, handles, str(tmp_path / name))


def test_the_difference_of_two_texts_sets_off_the_words_that_only_one_has() -> None:
    same, changed, more = difference("a\nb c", "a\nb d\ne")
    assert same == ([("a", False)], [("a", False)])
    assert changed == ([("b ", False), ("c", True)], [("b ", False), ("d", True)])
    assert more == (None, [("e", True)])


def test_words_that_are_frequent_are_in_common_too() -> None:
    text = "the sum of the two is the same as the other " * 40
    assert likeness(text, text) == 1
    assert likeness(text, text + "end") > 0.99
    assert likeness(text, "nothing alike") == 0


def test_the_sides_of_any_difference_are_the_texts() -> None:
    chance = random.Random(3)
    for _ in range(200):
        left, right = ("".join(chance.choices("ab \n.", k=chance.randint(0, 30))) for _ in range(2))
        pairs = list(difference(left, right))
        for text, sides in ((left, [pair.left for pair in pairs]), (right, [pair.right for pair in pairs])):
            assert "\n".join("".join(part for part, _ in side) for side in sides if side is not None) == text


MEASURED = """
import resource, sys
from qrd.inspection.book import Book
from qrd.inspection.hunt import Hunt
from qrd.inspection.wanted import Id, Text
peak_kb = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, book = peak_kb(), Book(sys.argv[1:])
book.count()
last = book.num_rows - 1
found = [Hunt(book, wanted).start().wait().found.tolist() for wanted in (Text("NEEDLE"), Id("last"))]
assert found == [[last], [last]] and b"needle" in book.raw(book.handle(last)), found
print(peak_kb() - before)
"""


def test_a_large_file_is_indexed_and_searched_in_memory_that_does_not_grow_with_it(tmp_path: Path) -> None:
    num_bytes = 2**30 if os.environ.get("QRD_SOAK") else 2**26
    row = json.dumps({"id": "q", "response": "the words of a reply " * 100}).encode() + b"\n"
    with (tmp_path / "large.jsonl").open("wb") as stream:
        for _ in range(num_bytes // (len(row) * 1000) + 1):
            stream.write(row * 1000)
        stream.write(b'{"id": "last", "response": "a needle"}\n')
    words = [sys.executable, "-c", MEASURED, str(tmp_path / "large.jsonl")]
    grown_kb = int(subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout)
    (tmp_path / "large.jsonl").unlink()
    assert grown_kb < 16 * 1024
