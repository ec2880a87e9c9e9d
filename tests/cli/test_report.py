"""report as a user meets it: inputs told apart, mistakes named, one page written."""

import pytest


def path(number, **extra):
    return {
        "id": f"q{number}", "task": "math", "question": f"{number}?", "answer": "5", "path_id": f"p{number}",
        "style": "cot", "teacher": "t", "response": "5", "prediction": "5", "correct": True, **extra,
    }  # fmt: skip


@pytest.fixture
def files(bench):
    bench.write_rows("paths.jsonl", [path(number) for number in range(3)])
    return bench


def test_paths_become_a_page_with_a_manifest(files):
    found = files.run("report", "paths.jsonl", "-o", "report.html")
    assert found.code == 0, found.err
    assert found.out == ""
    assert "report.html: 3 rows, 0 run folders" in found.err
    page = (files.folder / "report.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "qrd eval ... -o predictions.jsonl" in page, "what is not there is told with what would show it"
    manifest = files.json("report.html.manifest.json")
    assert (manifest["command"], manifest["rows_in"]) == ("report", 3)


def test_a_stream_becomes_a_page_on_standard_output(files):
    text = (files.folder / "paths.jsonl").read_text("utf-8")
    found = files.run("report", "-", stdin=text)
    assert found.code == 0, found.err
    assert found.out.startswith("<!doctype html>")
    assert found.out.rstrip().endswith("</html>")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "INPUT must be given"),
        (("gone.jsonl",), 2, "gone.jsonl: there is no such file or folder"),
        (("empty",), 2, "empty: is no run folder of qrd train"),
        (("questions.jsonl",), 4, "questions.jsonl: holds questions, expected paths or predictions: "),
        (("bad.jsonl",), 4, "bad.jsonl:2: not JSON"),
        (("none.jsonl",), 4, "none.jsonl: nothing to report"),
        (("paths.jsonl", "--compare"), 2, "--compare sets runs side by side"),
        (("paths.jsonl", "-o", "./paths.jsonl"), 2, "is an input"),
        (("paths.jsonl", "-o", "empty"), 2, "is a folder"),
        (("paths.jsonl", "--figures", "questions.jsonl"), 2, "is a file; give a folder"),
        (("-", "-"), 2, "standard input can be read only once"),
    ],
)
def test_what_cannot_be_reported_is_refused_and_nothing_written(files, words, code, told):
    (files.folder / "empty").mkdir()
    files.write("none.jsonl", "")
    files.write("bad.jsonl", '{"id": "a", "path_id": "x", "task": "math", "question": "?", "response": "5"}\n{"id"\n')
    before = (files.folder / "paths.jsonl").read_bytes()
    given = words if "-o" in words else (*words, "-o", "report.html")
    found = files.run("report", *given)
    assert found.code == code
    assert told in found.err
    assert "Traceback" not in found.err
    assert not (files.folder / "report.html").exists()
    assert (files.folder / "paths.jsonl").read_bytes() == before


def test_bad_rows_are_set_aside_when_asked(files):
    files.write("bad.jsonl", '{"id"\n')
    found = files.run("report", "paths.jsonl", "bad.jsonl", "--skip-bad", "-o", "report.html")
    assert found.code == 3
    assert "1 rows could not be read" in (files.folder / "report.html").read_text("utf-8")
