"""The one writer loses and doubles nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from qrd.errors import ConfigError, DataError, StorageError
from qrd.rows import lines
from qrd.rows.disk import Disk, write_whole
from qrd.rows.writer import Writer, replacing
from tests.question_rows import read, row


class NoSync(Disk):
    """A disk that is not waited for, so that thousands of files can be opened."""

    def fsync(self, descriptor: int) -> None:
        pass


class FaultyDisk(NoSync):
    """A disk whose call number `at` (of all its calls) fails, or writes one byte less than asked."""

    def __init__(self, at: int, fault: int | None) -> None:
        self.at, self.fault, self.num_calls = at, fault, 0

    def _is_due(self) -> bool:
        self.num_calls += 1
        if self.num_calls != self.at or self.fault is None:
            return self.num_calls == self.at
        raise OSError(self.fault, os.strerror(self.fault))

    def write(self, descriptor: int, data: Any) -> int:
        return os.write(descriptor, bytes(data)[: max(1, len(data) - 1)] if self._is_due() else data)

    def fsync(self, descriptor: int) -> None:
        self._is_due()

    def rename(self, source: Any, target: Any) -> None:
        self._is_due()
        os.replace(source, target)

    def truncate(self, descriptor: int, size: int) -> None:
        self._is_due()
        os.ftruncate(descriptor, size)


class FullDisk(FaultyDisk):
    """A disk that, from call number `at`, writes half a line and then nothing more."""

    def write(self, descriptor: int, data: Any) -> int:
        self.num_calls += 1
        if self.num_calls == self.at:
            return os.write(descriptor, bytes(data)[: len(data) // 2 or 1])
        if self.num_calls > self.at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(descriptor, data)


class CountingDisk(Disk):
    """A disk that tells each fsync, the first of which may fail: a system tells an error once."""

    def __init__(self, fault: int | None = None) -> None:
        self.fault, self.syncs = fault, queue.Queue[int]()

    def fsync(self, descriptor: int) -> None:
        self.syncs.put(os.fstat(descriptor).st_size)
        fault, self.fault = self.fault, None
        if fault is not None:
            raise OSError(fault, os.strerror(fault))
        os.fsync(descriptor)


def appended(file: Path, count: int, disk: Disk) -> None:
    """Write the rows up to `count` that are not there yet, as a stage that resumes does."""
    with Writer(str(file), disk=disk) as writer:
        there = {fields["id"] for _, fields in writer.kept()}
        for number in range(count):
            if f"q{number}" not in there:
                writer.write(row(number))


def test_a_file_cut_at_any_byte_loses_at_most_its_last_row(tmp_path: Path) -> None:
    whole = b"".join(lines.encode(row(number)) for number in range(200))
    file, disk = tmp_path / "rows.jsonl", NoSync()
    last_six = len(whole) - sum(len(lines.encode(row(number))) for number in range(194, 200))  # all texts once
    for size in [0, 1, *range(last_six, len(whole) + 1)]:
        file.write_bytes(whole[:size])
        with Writer(str(file), disk=disk) as writer:
            kept = sum(1 for _ in writer.kept())
        # A row that lacks only its line end is whole.
        num_whole = whole.count(b"\n", 0, size) + (whole[size : size + 1] == b"\n" and size > 0)
        assert kept == num_whole, size
        assert file.read_bytes() == b"".join(whole.splitlines(keepends=True)[:kept]), size


def test_rows_after_a_cut_and_a_resume_are_those_of_an_uninterrupted_run(tmp_path: Path) -> None:
    whole = b"".join(lines.encode(row(number)) for number in range(6))
    file = tmp_path / "rows.jsonl"
    for size in range(len(whole)):
        file.write_bytes(whole[:size])
        appended(file, 6, NoSync())
        assert file.read_bytes() == whole, size


def test_a_torn_line_longer_than_the_block_read_from_the_end_is_found_whole(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    for size in (2**16 - 1, 2**16, 2**16 + 1, 3 * 2**16):
        file.write_bytes(lines.encode(row(0)) + b'{"id":"'.ljust(size, b"x"))
        appended(file, 2, NoSync())
        assert read(file) == [row(0), row(1)]


@pytest.mark.parametrize("tail", [b"\0" * 40, b'{"id":"q9"\0\0\0', b"{", b'{"id":"\xe6\x97'])
def test_what_a_crash_leaves_at_the_end_is_cut(tmp_path: Path, tail: bytes) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines.encode(row(0)) + tail)
    appended(file, 2, NoSync())
    assert read(file) == [row(0), row(1)]


@pytest.mark.parametrize("text", [b"# Notes\n\nBy hand", b'[\n  {"a": 1}\n]', b"x"])
def test_a_file_that_is_not_ours_is_never_cut(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "notes.md"
    file.write_bytes(text)
    with pytest.raises(DataError, match="is no record; the file is left alone"):
        Writer(str(file))
    assert file.read_bytes() == text
    with pytest.raises(DataError, match="is no record"):  # and not a word about a lock
        Writer(str(file))


def test_damage_elsewhere_stops_with_line_and_byte(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    first = lines.encode(row(2))
    file.write_bytes(first + b'{"id": broken}\n' + lines.encode(row(1)))
    with Writer(str(file)) as writer, pytest.raises(DataError, match=rf"rows.jsonl:2: .*\(byte {len(first)}\)"):
        list(writer.kept())


@pytest.mark.parametrize(
    ("kind", "fault"),
    [(FaultyDisk, errno.ENOSPC), (FaultyDisk, errno.EIO), (FaultyDisk, None), (FullDisk, None)],
    ids=["no space", "input/output error", "short write", "half a line, then no space"],
)
@pytest.mark.parametrize("start", [b"", b'{"id":"q0","ta', b'{"id":"q0"}'], ids=["new", "torn", "no line end"])
def test_whichever_call_fails_the_run_stops_and_the_next_one_completes_it(
    tmp_path: Path, kind: type[FaultyDisk], fault: int | None, start: bytes
) -> None:
    for at in range(1, 100):
        file = tmp_path / f"rows-{at}.jsonl"
        file.write_bytes(start)
        disk = kind(at, fault)
        try:
            appended(file, 5, disk)
        except StorageError:
            appended(file, 5, NoSync())
        assert [fields["id"] for fields in read(file)] == [f"q{number}" for number in range(5)]
        if disk.num_calls < at:
            assert at > 5
            return
    pytest.fail("no run without a fault")


def test_a_row_after_one_that_failed_does_not_stand_on_the_torn_rest(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    disk = FullDisk(2, None)
    with Writer(str(file), disk=disk) as writer:
        writer.write(row(0))
        with pytest.raises(StorageError):
            writer.write(row(1))
        disk.at = 10**9  # space again
        writer.write(row(2))
    assert read(file) == [row(0), row(2)]


def test_a_row_reaches_the_disk_soon_where_no_other_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrd.rows.writer.FSYNC_EVERY_S", 0.05)
    disk, file = CountingDisk(), tmp_path / "rows.jsonl"
    with Writer(str(file), disk=disk) as writer:
        for number in range(3):
            writer.write(row(number))
            assert disk.syncs.get(timeout=30) == file.stat().st_size


def test_rows_that_come_fast_reach_the_disk_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrd.rows.writer.FSYNC_EVERY_S", 3600.0)
    disk, file = CountingDisk(), tmp_path / "rows.jsonl"
    appended(file, 200, disk)
    assert (disk.syncs.qsize(), disk.syncs.get()) == (1, file.stat().st_size)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(30)
            assert not thread.is_alive(), "it was to end with the file"


def close_after(writer: Writer, *, forever: bool) -> None:
    while forever:
        writer.write(row(1))
    writer.close()


@pytest.mark.parametrize("ends", ["at the next row", "at the end"])
def test_a_disk_that_fails_between_rows_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    monkeypatch.setattr("qrd.rows.writer.FSYNC_EVERY_S", 0.01)
    disk, file = CountingDisk(errno.EIO), tmp_path / "rows.jsonl"
    writer = Writer(str(file), disk=disk)
    writer.write(row(0))
    disk.syncs.get(timeout=30)
    with pytest.raises(StorageError, match=r"rows\.jsonl"):
        close_after(writer, forever=ends == "at the next row")
    with contextlib.suppress(StorageError):
        writer.close()


def test_whichever_call_fails_a_whole_file_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    file = tmp_path / "whole.json"
    for at in range(1, 20):
        file.write_bytes(b"old")
        disk = FaultyDisk(at, errno.ENOSPC)
        try:
            write_whole(file, b"new content", disk=disk)
        except StorageError:
            assert file.read_bytes() == b"old"
            assert os.listdir(tmp_path) == ["whole.json"]
            continue
        assert file.read_bytes() == b"new content"
        assert at == 4  # write, fsync and rename failed before
        return
    pytest.fail("no run without a fault")


def test_whichever_call_fails_a_replaced_file_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    for at in range(1, 20):
        file.write_bytes(b"old\n")
        disk = FaultyDisk(at, errno.EIO)
        try:
            with replacing(str(file), disk=disk) as writer:
                writer.write(row(0))
                writer.write(row(1))
        except StorageError:
            assert file.read_bytes() == b"old\n"
            assert not list(tmp_path.glob("*.tmp"))
            continue
        assert read(file) == [row(0), row(1)]
        assert disk.num_calls < at
        return
    pytest.fail("no run without a fault")


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"old\n")
    with contextlib.suppress(DataError), replacing(str(file)) as writer:
        writer.write(row(0))
        raise DataError("input", 1, None, "damaged")
    assert file.read_bytes() == b"old\n"


def test_a_reader_of_standard_output_that_has_gone_is_not_a_storage_failure(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), replacing(str(tmp_path / "rejects.jsonl")):
        raise BrokenPipeError
    assert not list(tmp_path.glob("*.jsonl"))


def test_a_second_writer_of_one_output_is_refused_at_once_and_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    code = "import sys; from qrd.rows.writer import Writer; Writer(sys.argv[1], resume=sys.argv[2] == '1')"
    with Writer(str(file)) as writer:
        writer.write(row(0))
        for resume in "01":
            other = subprocess.run([sys.executable, "-c", code, str(file), resume], capture_output=True, timeout=30)
            assert b"another run is writing this output" in other.stderr
        with pytest.raises(ConfigError, match="another run is writing this output"):
            Writer(str(file))
        writer.write(row(1))
    assert read(file) == [row(0), row(1)]
    assert not list(tmp_path.glob("*.old-*"))


def test_a_lock_whose_owner_was_killed_does_not_block(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    code = (
        "import os, sys; from qrd.rows.writer import Writer; w = Writer(sys.argv[1]); w.write({'id': 'q0'}); os.abort()"
    )
    subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, timeout=30)
    appended(file, 2, NoSync())
    assert [fields["id"] for fields in read(file)] == ["q0", "q1"]


def test_a_writer_may_be_closed_by_another_thread(tmp_path: Path) -> None:
    writer = Writer(str(tmp_path / "rows.jsonl"))
    closing = threading.Thread(target=writer.close)
    closing.start()
    closing.join()
    Writer(str(tmp_path / "rows.jsonl")).close()


def test_without_resume_the_old_file_and_its_companions_are_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    for suffix in ("", ".manifest.json", ".failed.jsonl", ".votes.jsonl"):
        Path(f"{file}{suffix}").write_text(suffix)
    Writer(str(file), resume=False).close()
    Writer(str(file), resume=False).close()
    assert file.read_bytes() == b""
    for suffix in ("", ".manifest.json", ".failed.jsonl", ".votes.jsonl"):
        assert Path(f"{file}.old-1{suffix}").read_text() == suffix
    assert Path(f"{file}.old-2").read_text() == ""


@pytest.mark.parametrize("name", ["/proc/nothing/rows.jsonl", "/dev/null/rows.jsonl"])
def test_a_place_that_cannot_be_written_is_a_storage_error_with_its_name(name: str) -> None:
    with pytest.raises(StorageError, match=f"^{name}: "):
        Writer(name)


@pytest.mark.parametrize("write", ["append", "replace", "whole"])
def test_a_device_is_written_to_and_never_replaced_or_locked(tmp_path: Path, write: str) -> None:
    device = tmp_path / "device"
    os.mkfifo(device)
    descriptor = os.open(device, os.O_RDWR)  # a reader, so that opening does not wait
    if write == "whole":
        write_whole(device, lines.encode(row(0)))
    else:
        with Writer(str(device)) if write == "append" else replacing(str(device)) as writer:
            assert list(writer.kept()) == []
            writer.write(row(0))
    assert os.read(descriptor, 4096) == lines.encode(row(0))
    os.close(descriptor)
    assert device.is_fifo()
    assert list(tmp_path.iterdir()) == [device]


@pytest.mark.parametrize("write", ["replace", "whole"])
def test_a_link_stays_a_link_to_the_new_content(tmp_path: Path, write: str) -> None:
    target, link = tmp_path / "target.jsonl", tmp_path / "link.jsonl"
    target.write_bytes(b"old\n")
    link.symlink_to(target)
    if write == "whole":
        write_whole(link, lines.encode(row(0)))
    else:
        with replacing(str(link)) as writer:
            writer.write(row(0))
    assert link.is_symlink()
    assert read(target) == [row(0)]


def test_half_a_character_in_a_paid_reply_does_not_stop_the_writer(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    with Writer(str(file)) as writer:
        writer.write({"id": "q", "response": "a\ud83d b \ud83d\ude42", "usage": [{"x\udc00": 1.5}]})
    assert read(file) == [{"id": "q", "response": "a\ufffd b 🙂", "usage": [{"x\ufffd": 1.5}]}]


def test_what_killed_processes_left_of_a_file_goes_with_its_next_writing(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    file = tmp_path / "out[1].json"
    left = tmp_path / f".out[1].json.{child.pid}.tmp"
    living = tmp_path / f".out[1].json.{os.getppid()}.tmp"
    other = tmp_path / f".out1.json.{child.pid}.tmp"
    for name in (left, living, other, tmp_path / ".out[1].json.notes.tmp"):
        name.write_text("half", "utf-8")
    write_whole(file, b"whole")
    assert file.read_bytes() == b"whole"
    assert not left.exists()
    assert living.exists()
    assert other.exists()
    assert len(list(tmp_path.iterdir())) == 4
