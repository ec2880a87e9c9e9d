"""The kill harness: real runs of qrd, each in a process group of its own, killed and started again.

A run is forked from a server that has loaded what qrd imports (litellm alone takes seconds, and a hundred kills would
take as many imports), and then does what `python -m qrd` does. It dies in one of two ways: from outside, at a random
moment, or from inside, at a named step of the one writer.
"""

import itertools
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from pathlib import Path as File

PATIENCE_S = 120
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.kit.warm"])


class Run:
    """qrd under way, its output in `output.txt` of its folder.

    `dies_at` is what `die_at` takes, `dies_behind` what `die_behind` takes.
    """

    def __init__(self, folder, *words, dies_at=None, dies_behind=None):
        self.folder = File(folder)
        self.process = FORKS.Process(target=_live, args=(str(folder), words, dies_at, dies_behind))
        self.process.start()

    @property
    def has_ended(self):
        return not self.process.is_alive()

    @property
    def said(self):
        """All that the runs in this folder have said."""
        return (self.folder / "output.txt").read_text("utf-8")

    def kill(self):
        for send in (os.killpg, os.kill):  # before it has a group of its own it is alone
            try:
                send(self.process.pid, signal.SIGKILL)
                break
            except ProcessLookupError:
                continue
        self.process.join(PATIENCE_S)

    def code(self):
        """The exit code, once it has ended; minus the signal that ended it."""
        self.process.join(PATIENCE_S)
        if not self.has_ended:
            self.kill()
            raise AssertionError(f"the run did not end in {PATIENCE_S} s: {self.said}")
        return self.process.exitcode


def _live(folder, words, dies_at, dies_behind):
    os.setsid()
    os.chdir(folder)
    for name in [name for name in os.environ if name.startswith("QRD_")]:
        del os.environ[name]
    os.environ["OPENAI_API_KEY"] = "sk-test"
    os.environ["OMP_NUM_THREADS"] = "1"  # threads cost a tiny model more time than they save it
    output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if dies_at is not None:
        die_at(*dies_at)
    if dies_behind is not None:
        die_behind(*dies_behind)
    sys.argv = ["qrd", *words]
    from qrd.cli import main

    main()


def die_at(step, place, number):
    """Have this process die `before`, `inside` or `after` the n-th `write`, `fsync`, `rename` or `truncate`."""
    from qrd.rows.disk import DISK

    real, calls = getattr(DISK, step), itertools.count(1)

    def deadly(*given):
        if next(calls) < number:
            return real(*given)
        if place == "inside":
            real(given[0], given[1][: len(given[1]) // 2])
        if place == "after":
            real(*given)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("dead")

    setattr(DISK, step, deadly)


def die_behind(file, num_lines):
    """Have this process die behind the write with which `file` has come to so many lines, however many it took."""
    from qrd.rows.disk import DISK

    real = DISK.write

    def deadly(*given):
        written = real(*given)
        if rows_of(File(file)).count(b"\n") >= num_lines:
            os.kill(os.getpid(), signal.SIGKILL)
        return written

    DISK.write = deadly


class Watched:
    """How many calls a ledger has written down, counted as its file grows."""

    def __init__(self, file):
        self.file, self.offset, self.num_calls = file, 0, 0

    def count(self):
        with open(self.file, "rb") as stream:
            stream.seek(self.offset)
            block = stream.read()
        self.offset += len(block)
        self.num_calls += block.count(b"\n")
        return self.num_calls


def kill_at_random(folder, words, output, served, *, kills, planned, seed):
    """Start a run, kill it at a random moment, and so on; then let one end well. Returns the number of kills.

    Whole rows that a kill leaves behind must stand in the same place, byte for byte, ever after.
    """
    chance, watched = random.Random(seed), Watched(served.file)
    saved = b""
    for number in range(kills):
        left = planned - saved.count(b"\n")
        begin = watched.count()
        run = Run(folder, *words)
        enough = begin + chance.randint(0, max(1, 2 * left // (kills - number + 1)))
        _wait_for_calls(watched, enough, run)
        time.sleep(chance.uniform(0, 0.03))
        run.kill()
        whole = rows_of(folder / output)
        assert whole.startswith(saved), f"kill {number + 1} of seed {seed}: rows were lost"
        saved = whole
    last = Run(folder, *words)
    assert last.code() == 0, f"seed {seed}: {last.said}"
    assert rows_of(folder / output).startswith(saved), f"the last run of seed {seed}: rows were lost"
    return kills


def _wait_for_calls(watched, number, run):
    deadline = time.monotonic() + PATIENCE_S
    while watched.count() < number and not run.has_ended:
        assert time.monotonic() < deadline, f"{number} calls did not come: {run.said}"
        time.sleep(0.002)


def rows_of(file):
    """The whole lines of a file, as bytes; none where there is no file."""
    content = file.read_bytes() if file.exists() else b""
    return content[: content.rfind(b"\n") + 1]


def records_by(file, *names):
    """The records of a file by the values of these fields.

    Raises: AssertionError where a key stands twice.
    """
    found = {}
    for line in file.read_bytes().splitlines():
        record = json.loads(line)
        key = tuple(record[name] for name in names)
        assert key not in found, f"{key} stands twice"
        found[key] = record
    return found
