"""Any bytes whatever: a line is a sound record or a named bad line, and what is written can be read again.

QRD_FUZZ_ROWS sets how many lines are tried (`make soak`: 100,000 and more).
"""

import io
import json
import os

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qrd import filters
from qrd.config import FilterConfig
from qrd.console import clean
from qrd.filters.sifting import Sifter
from qrd.inspection import record as shown
from qrd.rows import lines
from qrd.rows.reader import Block, Reader
from qrd.rows.records import Path, Question, checked

ROWS_AT_ONCE = 20
EXAMPLES = max(1, int(os.environ.get("QRD_FUZZ_ROWS", "3000")) // ROWS_AT_ONCE)
FUZZED = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 1000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)  # fmt: skip

NASTY = [
    b"\xff", b"\xed\xa0\x80", b"\0", b"\x1b[2J", b"\\ud800", b"\\u003a", b"\\u0022", b'"', b":", b",", b"{", b"}", b"[",
    b"]", b"NaN", b"1e999", b"1" * 400, b"-", b"null", b"true", b"\\", b"\r", b"\n", b"\xe2\x80\xa8", b"\xef\xbb\xbf",
    b" ", b'"id":', b'"id" :', b'"\\u0069d":', b'"path_id":"p",', b'"task":"choice",', b'"response":null,', b"[" * 2000,
    b'"verdict":"VALID",', b'"correct":1,', b'"choices":[],', b'"usage":{},', b'"sample":1.0,', b'"x":{"x":1,"x":1},',
    b'"x":{"x":1,"x":"\\u003a"},', b'"id":"q",', b'"response" : "",',
]  # fmt: skip
GROUND = {
    "id": "q", "task": "math", "question": "2+3: \\\"?", "answer": "5", "path_id": "p",
    "response": "5: \u00fc \U0001f642",
    "finish_reason": "stop", "prediction": "5", "correct": True, "verdict": "valid", "usage": {"cost_usd": 1e-5},
    "verdicts": [{"judge": "j", "verdict": "valid"}], "prompt": [{"role": "user", "content": "?"}],
    "other": [1, {"a": {}}],
}  # fmt: skip
SHAPES = [
    msgspec.json.encode(GROUND), json.dumps(GROUND).encode(), json.dumps(GROUND, ensure_ascii=False).encode(),
    b'{"id":"q","task":"text","question":"?"}', b"{}",
]  # fmt: skip


def mutated(shape, changes):
    """A line with bytes put in anywhere; whole fields go where an object begins, or they would hardly ever be read."""
    line = bytearray(shape)
    for place, cut, bytes_in in changes:
        begins = [at + 1 for at, byte in enumerate(line) if byte == ord("{")]
        if bytes_in.endswith(b",") and begins:
            at, cut = begins[place % len(begins)], 0
        else:
            at = place % (len(line) + 1)
        line[at : at + cut] = bytes_in
    return bytes(line)


change = st.tuples(st.integers(0, 2**16), st.integers(0, 3), st.sampled_from(NASTY) | st.binary(max_size=4))
line = st.builds(mutated, st.sampled_from(SHAPES), st.lists(change, max_size=3)) | st.binary(max_size=60)


class Buffer(Reader):
    """A reader of bytes in memory."""

    def __init__(self, data, kind):
        super().__init__(["x"], kind, unique=None, skip_bad=True)
        self.data = data

    def blocks(self):
        self._reset()
        number = 1
        for block in lines.blocks_of_lines(io.BufferedReader(io.BytesIO(self.data)), "x"):
            yield Block("x", number, block, None)
            number += len(block)


def strictly(raw):
    """What Python's own decoder makes of a line, with every key once and no number that JSON lacks."""

    def once(pairs):
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    def refuse(word):
        raise AssertionError(word)

    return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=once, parse_constant=refuse)


@FUZZED
@given(st.lists(line, min_size=ROWS_AT_ONCE, max_size=ROWS_AT_ONCE))
def test_every_line_is_a_sound_record_or_one_named_bad_line(found_lines):
    data = b"\n".join(found_lines)
    for kind in (Path, Question):
        reader = Buffer(data, kind)
        rows = list(reader)
        texts = [text.removeprefix(b"\xef\xbb\xbf") if not n else text for n, text in enumerate(data.split(b"\n"))]
        assert len(rows) + len(reader.bad) == reader.num_rows == sum(bool(text.strip()) for text in texts)
        for row in rows:
            assert row.fields == strictly(row.raw)
            again = lines.encode(row.fields)
            assert again.count(b"\n") == 1
            assert lines.decode_object(again, "x", 1) == row.fields
            assert checked(row.fields, kind, file="x", line=1) == row.record


@FUZZED
@given(st.lists(line, min_size=ROWS_AT_ONCE, max_size=ROWS_AT_ONCE))
def test_what_is_kept_rejected_flagged_and_shown_stays_data(found_lines):
    rules = filters.rules(FilterConfig())
    sifter = Sifter(rules)
    for row in Buffer(b"\n".join(found_lines), Path):
        reasons = filters.objections(row.record, rules)
        assert set(reasons) <= set(filters.all_objections(row.record, rules))
        for name, value in (("flags", ["a"]), ("reject_reason", "b"), ("id", "c")):
            changed = lines.with_field(row.raw, name, value)
            assert strictly(changed) == {**row.fields, name: value}
            assert changed.endswith(b"}\n")
        assert lines.decode_object(lines.plain_line(row.raw), "x", 1) == row.fields
        sifted = sifter.sift(SHAPES[0] + b"\n" + row.raw)
        assert (sifted is None) == (row.record.prediction is msgspec.UNSET)
        assert sifted is None or sifted.kind_names[sifted.kinds[-1]][0] == (reasons[0] if reasons else "kept")
        page = clean("\n".join(shown.lines(row.fields, "path")))
        assert not set(page) & {chr(n) for n in range(32) if n not in (9, 10)}


@FUZZED
@given(st.lists(line, min_size=ROWS_AT_ONCE, max_size=ROWS_AT_ONCE))
def test_a_line_like_those_before_it_is_read_as_if_it_were_the_first(found_lines):
    rules = filters.rules(FilterConfig())
    sifter = Sifter(rules)
    for raw in found_lines:
        first, later = Sifter(rules).sift(raw + b"\n"), sifter.sift(raw + b"\n")
        assert (first and first[:-1]) == (later and later[:-1])
        if later is not None and later.is_plain:
            assert lines.plain_line(raw + b"\n") == raw + b"\n"


@FUZZED
@given(st.lists(line, min_size=ROWS_AT_ONCE, max_size=ROWS_AT_ONCE))
def test_lines_read_together_are_read_as_if_each_stood_alone(found_lines):
    rules = filters.rules(FilterConfig())
    sifter, ground = Sifter(rules), SHAPES[0] + b"\n"
    assert sifter.sift(ground)
    for raw in found_lines:
        block = ground + raw + b"\n" + ground
        alone, together = Sifter(rules).sift(block), sifter.sift(block)  # the first knows no shape yet
        assert (alone and alone[:-1]) == (together and together[:-1])
        assert together is None or len(together.kinds) == block.count(b"\n")


@FUZZED
@given(st.lists(st.binary(max_size=40), max_size=ROWS_AT_ONCE), st.integers(1, 50))
def test_lines_come_back_whole_from_blocks_of_any_size(found_lines, block_bytes):
    data, before = b"\n".join(found_lines), lines.BLOCK_BYTES
    lines.BLOCK_BYTES = block_bytes
    try:
        found = [raw for _, raw in lines.numbered(io.BufferedReader(io.BytesIO(data)), "x")]
    finally:
        lines.BLOCK_BYTES = before
    assert b"".join(found) == data
    assert all(raw.endswith(b"\n") and raw.count(b"\n") == 1 for raw in found[:-1])


def test_the_ground_row_is_sound():
    assert len(list(Buffer(SHAPES[0], Path))) == 1
