"""verify tells a sound file from one that lost, doubled or changed a row."""

import json

import pytest

from tests.kit.harness import Run

QUESTIONS = [{"id": f"q{n}", "task": "math", "question": f"{n}+1?", "answer": "5"} for n in range(4)]
TEACHER = '[[rule]]\nmatch = "3+1?"\nerror = "no"\n[[rule]]\nmatch = "2+1"\nreply = "6"\n[[rule]]\nreply = "So 5."\n'
JUDGE = r"""
[[rule]]
regex = "1\\+1[\\s\\S]*verdict ([0-9a-f]+): WORD"
error = "no"
[[rule]]
regex = "verdict ([0-9a-f]+): WORD"
reply = "verdict \\1: valid\nreason: so it is"
"""
STEPS = (
    (
        3,
        "generate",
        "questions.jsonl",
        "--teacher",
        "scripted:teacher.toml",
        "--styles",
        "cot,tot",
        "-o",
        "paths.jsonl",
    ),
    (3, "judge", "paths.jsonl", "--judge", "scripted:judge.toml", "-o", "judged.jsonl"),
    (0, "filter", "judged.jsonl", "--rejects", "rejects.jsonl", "-o", "kept.jsonl"),
    (3, "eval", "questions.jsonl", "--model", "scripted:teacher.toml", "--samples", "2", "-o", "predictions.jsonl"),
    (0, "data", "export", "kept.jsonl", "--for", "trl", "-o", "train.jsonl"),
)
OUTPUTS = ["paths.jsonl", "judged.jsonl", "kept.jsonl", "predictions.jsonl", "train.jsonl"]


@pytest.fixture
def folder(tmp_path):
    """What every stage wrote, with failures and rejects among it."""
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    (tmp_path / "teacher.toml").write_text(TEACHER)
    (tmp_path / "judge.toml").write_text(JUDGE)
    for code, *words in STEPS:
        run = Run(tmp_path, *words)
        assert run.code() == code, run.said
    (tmp_path / "output.txt").unlink()
    return tmp_path


def verified(folder, *files):
    run = Run(folder, "verify", *files)
    return run.code(), run.said


def test_what_the_stages_wrote_is_sound(folder):
    code, said = verified(folder, *OUTPUTS)
    assert code == 0, said
    lines = dict(line.split(": ", 1) for line in said.splitlines())
    assert lines["paths.jsonl"] == "6 rows, 2 rejected or failed, 8 of 8 planned keys found"
    assert lines["judged.jsonl"] == "4 rows, 2 rejected or failed, 6 of 6 planned keys found"
    assert lines["kept.jsonl"] == "2 rows, 2 rejected or failed, 4 of 4 planned keys found"
    assert lines["predictions.jsonl"] == "6 rows, 2 rejected or failed, 8 of 8 planned keys found"


@pytest.mark.parametrize("name", ["paths.jsonl", "judged.jsonl", "kept.jsonl", "predictions.jsonl"])
def test_a_lost_a_doubled_and_a_torn_row_are_found_and_placed(folder, name):
    whole = (folder / name).read_bytes()
    lines = whole.splitlines(keepends=True)
    for damaged, found in (
        (lines[:-1], "was planned and is neither here nor rejected nor failed"),
        ([*lines, lines[0]], f"{name}:{len(lines) + 1}: "),
        ([*lines[:-1], lines[-1][:-9]], f"{name}:{len(lines)}: not JSON"),
        ([lines[0].replace(b"5", b"7"), *lines[1:]], "it was changed since"),
    ):
        (folder / name).write_bytes(b"".join(damaged))
        code, said = verified(folder, name)
        assert code == 4
        assert found in said.split("NOT as its manifest says")[-1]
        (folder / "output.txt").unlink()
    (folder / name).write_bytes(whole)
    assert verified(folder, name)[0] == 0


def test_failed_and_rejected_rows_are_counted_too(folder):
    (folder / "paths.jsonl.failed.jsonl").unlink()
    code, said = verified(folder, "paths.jsonl")
    assert code == 4
    assert "paths.jsonl.failed.jsonl: holds 0 rows, the manifest says 2" in said
    rejects = folder / "rejects.jsonl"
    rejects.write_bytes(rejects.read_bytes().replace(b"wrong_answer", b"too_short", 1))
    code, said = verified(folder, "kept.jsonl")
    assert code == 4
    assert "rejects.jsonl: holds 1 too_short, 1 wrong_answer, the manifest says 2 wrong_answer" in said


def test_a_file_without_a_manifest_and_a_run_that_was_killed_are_not_sound(folder):
    code, said = verified(folder, "questions.jsonl")
    assert code == 4
    assert "questions.jsonl.manifest.json: is missing" in said
    assert Run(folder, *STEPS[0][1:-1], "new.jsonl", dies_at=("write", "after", 3)).code() == -9
    code, said = verified(folder, "new.jsonl")
    assert code == 4
    assert "has not finished; the same command goes on" in said
