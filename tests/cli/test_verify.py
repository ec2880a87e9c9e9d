"""verify tells a sound file from one that lost, doubled or changed a row."""

import json
import os

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


def test_a_run_that_was_killed_is_not_sound(folder):
    assert Run(folder, *STEPS[0][1:-1], "new.jsonl", dies_at=("write", "after", 3)).code() == -9
    code, said = verified(folder, "new.jsonl")
    assert code == 4
    assert "has not finished; the same command goes on" in said


def lose_it(folder):
    (folder / "paths.jsonl.manifest.json").unlink()


def break_it(folder):
    (folder / "paths.jsonl.manifest.json").write_text("[" * 100_000)


def make_it_endless(folder):
    lose_it(folder)
    (folder / "paths.jsonl.manifest.json").symlink_to("/dev/zero")


def make_it_a_pipe(folder):
    lose_it(folder)
    os.mkfifo(folder / "paths.jsonl.manifest.json")


def lose_the_file(folder):
    (folder / "paths.jsonl").unlink()


def make_the_file_a_pipe(folder):
    lose_the_file(folder)
    os.mkfifo(folder / "paths.jsonl")


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lose_it, "no manifest stands beside it (paths.jsonl.manifest.json is missing)"),
        (break_it, "its manifest paths.jsonl.manifest.json cannot be read"),
        (make_it_endless, "its manifest paths.jsonl.manifest.json cannot be read"),
        (make_it_a_pipe, "its manifest paths.jsonl.manifest.json cannot be read"),
        (lose_the_file, "is missing; its manifest is all that is left of it"),
        (make_the_file_a_pipe, "is no regular file"),
    ],
)
def test_what_cannot_be_verified_is_told_as_it_is_and_the_others_are_verified(folder, damage, found):
    damage(folder)
    code, said = verified(folder, "paths.jsonl", "predictions.jsonl")
    assert code == 4
    assert "paths.jsonl: not verified" in said
    assert f"qrd: paths.jsonl: {found}" in said
    assert "NOT as its manifest says" not in said
    assert "8 of 8 planned keys found" in said


@pytest.mark.parametrize("name", ["/dev/zero", "nothing.jsonl", "x" * 300])
def test_what_no_run_can_have_written_is_told_as_it_is(tmp_path, name):
    code, said = verified(tmp_path, name)
    assert code == 4, said
    assert f"qrd: {name}: {'is no regular file' if name == '/dev/zero' else 'no manifest stands beside it'}" in said


def test_a_changed_input_is_told_apart_from_a_changed_output(folder):
    with open(folder / "questions.jsonl", "a") as stream:
        stream.write(json.dumps({**QUESTIONS[0], "id": "more"}) + "\n")
    code, said = verified(folder, "paths.jsonl", "judged.jsonl")
    assert code == 3, said
    assert "questions.jsonl, which it was made of, has changed since" in said
    assert "NOT as its manifest says" not in said
    lines = dict(line.split(": ", 1) for line in said.splitlines())
    assert lines["judged.jsonl"] == "4 rows, 2 rejected or failed, 6 of 6 planned keys found"
    (folder / "paths.jsonl").write_bytes((folder / "paths.jsonl").read_bytes().replace(b"So 5", b"So 6", 1))
    code, said = verified(folder, "paths.jsonl")
    assert code == 4
    assert "it was changed since" in said


def test_an_input_that_is_gone_is_told_of_and_is_no_fault(folder):
    (folder / "questions.jsonl").unlink()
    code, said = verified(folder, "paths.jsonl")
    assert code == 0, said
    assert "not found here: questions.jsonl" in said


def test_the_manifest_of_an_input_and_test_questions_are_compared_too(folder):
    run = Run(folder, "filter", "judged.jsonl", "--decontaminate", "questions.jsonl", "-o", "clean.jsonl")
    assert run.code() in (0, 7)
    (folder / "questions.jsonl").write_bytes(b"")
    manifest = folder / "judged.jsonl.manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"finished": true', b'"finished": true '))
    code, said = verified(folder, "clean.jsonl")
    assert code == 3, said
    assert "judged.jsonl.manifest.json, which it was made of, has changed since" in said
    assert "questions.jsonl, which it was made of, has changed since" in said


def test_a_run_again_with_nothing_to_do_leaves_the_manifest_as_it_was(folder):
    before = (folder / "predictions.jsonl.manifest.json").read_bytes()
    assert Run(folder, *STEPS[3][1:]).code() == 3
    assert (folder / "predictions.jsonl.manifest.json").read_bytes() == before


@pytest.mark.parametrize("place", ["input", "style_file", "inputs", "rejects"])
def test_a_manifest_leads_to_regular_files_only(folder, place):
    os.mkfifo(folder / "pipe")
    output = "kept.jsonl" if place == "rejects" else "paths.jsonl"
    manifest = folder / f"{output}.manifest.json"
    whole = manifest.read_bytes()
    for name in ("/dev/zero", "pipe", "-", "/", "/proc/self/mem", "x" * 400, "\0"):
        facts = json.loads(whole)
        if place == "inputs":
            facts["inputs"] = [{"file": name, "sha256": "0"}]
        elif place == "rejects":
            facts["config"]["rejects"] = name
        else:
            facts["config"][place] = [name]
        manifest.write_text(json.dumps(facts))
        code, said = verified(folder, output)
        assert code in (0, 3, 4), (name, said)
        assert "a fault of qrd" not in said
        assert place == "rejects" or "planned keys not checked" in said
        (folder / "output.txt").unlink()


def test_a_manifest_that_plans_without_measure_is_not_followed(folder):
    manifest = folder / "paths.jsonl.manifest.json"
    facts = json.loads(manifest.read_bytes())
    facts["config"]["samples"], facts["finished"] = 10**9, True
    manifest.write_text(json.dumps(facts))
    code, said = verified(folder, "paths.jsonl")
    assert code == 4
    assert "1 of at least 65537 planned keys found" in said


def test_rows_that_were_edited_by_hand_are_told_of_by_the_next_run_and_by_verify(folder):
    file = folder / "paths.jsonl"
    file.write_bytes(file.read_bytes().replace(b"So 5", b"So 7", 1))
    again = Run(folder, *STEPS[0][1:])
    assert again.code() == 3
    assert "paths.jsonl: was changed since its last run ended, by something else than qrd" in again.said
    assert "its rows were changed between two runs" in verified(folder, "paths.jsonl")[1]
    (folder / "output.txt").unlink()
    again = Run(folder, *STEPS[0][1:])
    assert again.code() == 3
    assert "by something else than qrd" not in again.said
    assert "its rows were changed between two runs" in verified(folder, "paths.jsonl")[1]
