"""Compressed files are read wherever files are read, by their first bytes, streamed, and never in part unnoticed."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qrd.errors import DataError, PackedError
from qrd.rows import lines, packed
from qrd.rows.reader import Reader
from qrd.rows.records import Question
from tests.question_rows import reader, row

zstd = packed.zstd_module()
PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress}
ROWS = [row(number) for number in range(40)]
PLAIN = b"".join(map(lines.encode, ROWS))


@pytest.fixture(params=PACK)
def pack(request: pytest.FixtureRequest) -> Callable[[bytes], bytes]:
    return PACK[request.param]


@pytest.mark.parametrize("name", ["q.jsonl", "q.jsonl.gz", "q.zst", "q"])
def test_the_name_of_a_compressed_file_says_nothing(tmp_path: Path, pack: Callable[[bytes], bytes], name: str) -> None:
    file = tmp_path / name
    file.write_bytes(pack(PLAIN))
    found = reader(file)
    assert found.scan() == len(ROWS)
    assert [item.fields for item in found] == ROWS
    assert found.sha256 == {str(file): hashlib.sha256(file.read_bytes()).hexdigest()}, "of the bytes as they stand"


def test_parts_that_were_packed_one_by_one_are_one_file(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "q").write_bytes(pack(PLAIN[:100]) + pack(b"") + pack(PLAIN[100:]))
    assert [item.fields for item in reader(tmp_path / "q")] == ROWS


def test_a_file_cut_at_any_byte_is_refused_by_name(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file, whole = tmp_path / "q.jsonl", pack(PLAIN)
    for end in range(len(packed.PACKINGS[1].magic), len(whole)):
        file.write_bytes(whole[:end])
        with pytest.raises(PackedError, match="is cut short") as caught:
            reader(file, skip_bad=True).scan()
        assert str(caught.value).startswith(f"{file}: ")


def test_no_damage_to_a_compressed_file_goes_unnoticed(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file, whole = tmp_path / "q.jsonl", packed_with_checksum(pack)
    for place in range(4, len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        file.write_bytes(damaged)
        assert told(file) in (ROWS, str(file)), place  # a name or a date in the head is no content
    file.write_bytes(whole + b"more")
    with pytest.raises(PackedError, match="damaged"):
        list(reader(file, skip_bad=True))


def told(file: Path) -> object:
    """The rows of a file, or the name in the error."""
    try:
        return [item.fields for item in reader(file, skip_bad=True)]
    except PackedError as error:
        return str(error).partition(": ")[0]


def packed_with_checksum(pack: Callable[[bytes], bytes]) -> bytes:
    if pack is gzip.compress:
        return gzip.compress(PLAIN)
    return zstd.compress(PLAIN, options={zstd.CompressionParameter.checksum_flag: 1})


def test_a_bad_row_in_a_compressed_file_has_its_line(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "q").write_bytes(pack(lines.encode(ROWS[0]) + b"{\n"))
    with pytest.raises(DataError, match=r"q:2: not JSON"):
        reader(tmp_path / "q").scan()


def test_a_slow_pipe_is_unpacked_as_it_flows(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    pipe, seen = tmp_path / "pipe", threading.Event()
    os.mkfifo(pipe)
    first, rest = pack(lines.encode(ROWS[0])), pack(lines.encode(ROWS[1]))

    def feed() -> None:
        with open(pipe, "wb", buffering=0) as stream:
            for byte in first:
                stream.write(bytes([byte]))
                time.sleep(0.001)
            assert seen.wait(60), "the first row came before the second was written"
            stream.write(rest)

    feeding = threading.Thread(target=feed)
    feeding.start()
    found = iter(Reader([str(pipe)], Question, unique="id"))
    assert next(found).fields == ROWS[0]
    seen.set()
    assert [item.fields for item in found] == [ROWS[1]]
    feeding.join()


@pytest.mark.parametrize("head", [b"{", b"\x1f", b"\x28\xb5", b"", b"\n"])
def test_a_short_file_that_begins_like_a_compressed_one_is_read_as_it_is(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "q").write_bytes(head)
    with lines.open_input(str(tmp_path / "q")) as stream:
        assert stream.read() == head


@pytest.mark.parametrize(
    ("name", "head"),
    [("xz", b"\xfd7zXZ\x00\x00"), ("bzip2", b"BZh91AY"),
    ("zip", b"PK\x03\x04"), ("7z", b"7z\xbc\xaf\x27\x1c")]
)  # fmt: skip
def test_a_packing_that_is_not_read_is_named(tmp_path: Path, name: str, head: bytes) -> None:
    (tmp_path / "q.jsonl").write_bytes(head + bytes(100))
    with pytest.raises(PackedError, match=rf"q\.jsonl: is a file of {name}, which is not read: unpack it"):
        reader(tmp_path / "q.jsonl").scan()


BOMB = """
import sys
from qrd.errors import QrdError
from qrd.rows.reader import Reader
from qrd.rows.records import Question
from qrd.published.ways import files
for read in (lambda: Reader([sys.argv[1]], Question, unique=None).scan(), lambda: list(files.rows(sys.argv[1]))):
    try:
        print(*read())
    except QrdError as error:
        print(error)
# What getrusage tells begins with the memory of the process that made this one.
peak_kib = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(int(peak_kib) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("filling", [b"\0", b"[0,"])
def test_a_line_of_a_gigabyte_in_a_small_file_meets_the_bounds(
    tmp_path: Path, pack: Callable[[bytes], bytes], filling: bytes
) -> None:
    part = pack(filling * (2**24 // len(filling)))
    (tmp_path / "bomb").write_bytes(part * 64)
    child = [sys.executable, "-c", BOMB, str(tmp_path / "bomb")]
    said = subprocess.run(child, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "bomb:1: the line is longer than 16 MiB" in said[0]
    assert "bomb" in said[1]
    assert any(words in said[1] for words in ("field larger than field limit", "unpacks to one value of more than"))
    assert int(said[2]) < 512 + 256, "MiB: a value that is read whole is held twice at most"


def test_without_the_package_for_zstd_its_command_is_told(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_bytes(zstd.compress(PLAIN))
    code = "import sys; sys.modules['backports'] = sys.modules['compression'] = None\n"
    code += "sys.argv = ['qrd', 'filter', 'q.jsonl']; from qrd.cli import main; main()"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "q.jsonl: is compressed by zstd, which needs a package: pip install 'qrd[zstd]'" in run.stderr


def test_no_command_loads_the_packages_before_a_file_needs_them() -> None:
    code = "import qrd.rows.writer, sys; print([n for n in ('backports.zstd', 'compression.zstd') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_filter_reads_compressed_paths_and_questions_and_verify_agrees(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    fixed = {"task": "text", "question": "What is it?", "response": "It is so since I looked.", "finish_reason": "stop"}
    paths = [{**fixed, "id": f"q{n}", "path_id": f"p{n}", "prediction": "x", "correct": True} for n in range(3000)]
    (tmp_path / "p.jsonl.gz").write_bytes(pack(b"".join(map(lines.encode, paths))))
    (tmp_path / "q").write_bytes(pack(lines.encode({**ROWS[0], "question": "Another thing altogether, is it not?"})))
    words = ["filter", "p.jsonl.gz", "--decontaminate", "q", "--dedupe", "0.9", "--rejects", "r.jsonl"]
    words += ["-o", "kept.jsonl"]
    env = {**os.environ, "PYTHONPATH": os.getcwd()}
    for said in (words, ["verify", "kept.jsonl"]):
        child = [sys.executable, "-m", "qrd", *said]
        run = subprocess.run(child, cwd=tmp_path, capture_output=True, text=True, check=False, env=env)
        assert run.returncode == 0, run.stderr
    assert "planned keys found" in run.stderr
    kept, rejected = ((tmp_path / name).read_bytes().splitlines() for name in ("kept.jsonl", "r.jsonl"))
    assert len(kept) + len(rejected) == 3000
    assert json.loads(kept[0]) == paths[0]
