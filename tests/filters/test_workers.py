"""What workers sift is what one process alone would have written."""

import json
import os
import random
import signal

import pytest
from path_rows import path_row

from qrd import filters
from qrd.config import FilterConfig
from qrd.errors import DataError
from qrd.filters.sifting import Sifter
from qrd.rows import lines
from qrd.rows.reader import Reader
from qrd.rows.records import Path
from qrd.stages.filter import run as stage
from qrd.stages.filter.workers import Workers


def mixed_rows(number):
    draw = random.Random(number)
    for n in range(number):
        fields = {
            "id": f"q{n // 7}",
            "style": draw.choice(["cot", "tot"]),
            "note": draw.choice(["", "\u00fc", 'a": b']),
        }
        if draw.random() < 0.1:
            fields |= {"prediction": "6", "correct": False}
        row = path_row(**fields, verdict=draw.choice(["valid", "invalid"]))
        if n % 500 == 3:
            del row["prediction"], row["correct"]
        yield row


def outcome(bench, monkeypatch, helped_bytes):
    monkeypatch.setattr(stage, "HELPED_BYTES", helped_bytes)
    tally = stage_run(bench)
    files = [(bench.folder / name).read_bytes() for name in ("kept.jsonl", "rejects.jsonl", "summary.json")]
    manifest = json.loads((bench.folder / "kept.jsonl.manifest.json").read_text())
    return tally, files, {name: manifest[name] for name in ("inputs", "rows_in", "rows_out", "reasons")}


def stage_run(bench):
    _, _, tally = bench.run(None, skip_bad=True)
    return tally


def test_outputs_and_counts_are_the_same_with_and_without_helpers(bench, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK_BYTES", 20_000)
    bench.write("paths.jsonl", mixed_rows(2000))
    with open(bench.folder / "paths.jsonl", "ab") as file:
        file.write(b'not json\n\n{"id": 1}\n' + json.dumps(next(mixed_rows(1))).encode())
    alone = outcome(bench, monkeypatch, 10**12)
    assert outcome(bench, monkeypatch, 0) == alone
    assert alone[0].num_bad == 2


def test_a_path_id_used_twice_is_named_when_helpers_read_the_lines(bench, monkeypatch):
    monkeypatch.setattr(stage, "HELPED_BYTES", 0)
    monkeypatch.setattr(lines, "BLOCK_BYTES", 5000)
    rows = [*mixed_rows(60), path_row(path_id="twin"), *mixed_rows(60), path_row(path_id="twin"), *mixed_rows(20)]
    bench.write("paths.jsonl", rows)
    with pytest.raises(DataError, match=r"jsonl:122:path_id: found 'twin' again, first used at .*jsonl:61$"):
        bench.run(None)


def test_paths_that_look_alike_are_decided_on_one_by_one_where_a_rule_reads_more():
    rules = filters.rules(FilterConfig(max_tokens=2))
    rows = [path_row(response=text, usage=None, verdict="valid") for text in ("one two", "one two three", "", "one")]
    found = Sifter(rules).sift(b"".join(lines.encode(row) for row in rows))
    assert [found.kind_names[kind][0] for kind in found.kinds] == ["kept", "too_long", "empty", "kept"]


def test_a_path_that_is_not_graded_is_never_taken_for_one_without_an_answer():
    without, ungraded = path_row(prediction=None, correct=None), path_row()
    del ungraded["prediction"], ungraded["correct"]
    sifter = Sifter(filters.rules(FilterConfig()))
    for _ in range(2):
        assert sifter.sift(lines.encode(without)) is not None
        assert sifter.sift(lines.encode(without) + lines.encode({**ungraded, "correct": None})) is None


def test_a_helper_that_dies_costs_no_row(bench, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK_BYTES", 5000)
    bench.write("paths.jsonl", [path_row() for _ in range(200)])
    reader = Reader([str(bench.folder / "paths.jsonl")], Path, unique="path_id")
    with Workers(filters.rules(FilterConfig())) as workers:
        found = []
        for block, sifted in workers.sift(reader.blocks()):
            found.append((len(block.lines), sifted is not None))
            if len(found) == 2:
                for child in workers.forks.children:
                    os.kill(child.pid, signal.SIGKILL)
                    child.join()
    assert sum(number for number, _ in found) == 200
    assert found[0][1]
    assert not found[-1][1]


def test_helpers_end_when_their_block_does():
    with Workers(filters.rules(FilterConfig())) as workers:
        children = list(workers.forks.children)
        assert children
        assert all(child.is_alive() for child in children)
    assert [child.exitcode for child in children] == [0] * len(children)
