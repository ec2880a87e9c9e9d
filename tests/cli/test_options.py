import subprocess
import sys

import pytest

COMMANDS = [
    "generate",
    "judge",
    "filter",
    "train",
    "eval",
    "data",
    "data import",
    "data paths",
    "inspect",
    "report",
    "demo",
    "doctor",
]
HEAVY = (
    "torch", "transformers", "litellm", "vllm", "sympy", "math_verify", "matplotlib", "peft", "accelerate", "textual",
)  # fmt: skip
SLOW_TO_START = ("pydantic", "filelock", "numpy", "datasketch", "asyncio")


def loaded_by(*words, cwd, names=(*HEAVY, *SLOW_TO_START)):
    """Those of the names of modules that a run of qrd imports."""
    program = (
        "import sys, runpy\n"
        f"sys.argv = ['qrd', *{list(words)!r}]\n"
        "try: runpy.run_module('qrd', run_name='__main__')\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        f"print([name for name in {names!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_of_every_command_loads_nothing_heavy(command, bench):
    assert loaded_by(*command.split(), "--help", cwd=bench.folder) == "[]"


def test_filter_and_a_scripted_pipeline_load_nothing_heavy(bench):
    teach = ("generate", "questions.jsonl", "--teacher", "scripted:teacher.toml", "-o", "paths.jsonl")
    assert loaded_by(*teach, cwd=bench.folder) == "[]"
    assert loaded_by("filter", "paths.jsonl", "-o", "kept.jsonl", cwd=bench.folder) == "[]"


def test_what_asks_no_model_loads_no_backend_and_nothing_heavy(bench):
    assert bench.run("generate", "questions.jsonl", "--teacher", "scripted:teacher.toml", "-o", "paths.jsonl").code == 0
    for words in (
        ("filter", "paths.jsonl", "-o", "kept.jsonl"),
        ("verify", "paths.jsonl", "kept.jsonl"),
        ("data", "export", "kept.jsonl", "--for", "trl", "-o", "train/"),
        ("report", "paths.jsonl", "kept.jsonl", "-o", "report.html"),
        ("inspect", "kept.jsonl"),
    ):
        assert loaded_by(*words, cwd=bench.folder, names=("qrd.backends", *HEAVY)) == "[]", words


def in_force(result, name):
    """(value as shown, source) of an option in --print-config's output."""
    line = next(line for line in result.out.splitlines() if line.startswith(name + " ="))
    return tuple(line.removeprefix(name + " = ").split("  # "))


def test_help_tells_each_default_as_it_would_be_typed(bench):
    said = " ".join(bench.run("train", "--help").out.split())
    assert "[lora, qlora, full] [default: lora]" in said
    assert "[default: 0.01]" in said


def test_a_flag_wins_over_a_variable_over_the_file_over_the_default(bench):
    bench.write("qrd.toml", "[filter]\nmin_tokens = 1\nmax-tokens = 10\nmin_kept = 4\n")
    words = ("filter", "--print-config", "--config", "qrd.toml", "--min-tokens", "3")
    found = bench.run(*words, QRD_FILTER_MIN_TOKENS="2", QRD_FILTER_MAX_TOKENS="20")
    assert in_force(found, "min_tokens") == ("3", "flag")
    assert in_force(found, "max_tokens") == ("20", "variable")
    assert in_force(found, "min_kept") == ("4", "--config")
    assert in_force(found, "output") == ('"-"', "default")


def test_a_variable_that_no_option_reads_is_refused_and_one_of_another_command_is_not(bench):
    found = bench.run("filter", "--print-config", QRD_FILTER_MIN_TOKEN="2", QRD_TRAIN_MIN_TOKEN="2")
    assert found.code == 2
    assert "QRD_FILTER_MIN_TOKEN: no option reads this variable" in found.err
    assert bench.run("filter", "--print-config", QRD_TRAIN_MIN_TOKEN="2").code == 0


def test_what_print_config_shows_can_be_read_back_with_config(bench):
    words = ("train", "--student", "a=x/y", "--student", "z", "--learning-rate", "5e-6", "--learning-rate", "2e-4")
    first = bench.run(*words, "-o", "run", "--print-config")
    bench.write("again.toml", first.out)
    again = bench.run("train", "--config", "again.toml", "--print-config")
    assert in_force(again, "learning_rate") == ("[5e-06, 0.0002]", "--config")

    def values(result):
        return [line.split("  # ")[0] for line in result.out.splitlines()]

    assert values(again) == values(first)


def test_no_secret_of_a_url_is_shown_by_print_config(bench):
    secret_url = "http://user:canary-77@host.example/v1?key=canary-78"
    found = bench.run("generate", "--teacher", "openai/m", "--api-base", secret_url, "--print-config")
    assert found.code == 0
    assert "host.example/v1" in found.out
    assert "canary" not in found.out + found.err


def test_dashes_and_underscores_are_the_same(bench):
    found = bench.run("filter", "--max_tokens", "7", "--print-config")
    assert in_force(found, "max_tokens") == ("7", "flag")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("filter", "--no-such-option"), "--no-such-option"),
        (("filter", "--min-tokens", "many"), "--min-tokens"),
        (("filter", "--min-tokens", "0"), "at least 1"),
        (("filter", "--require", "pretty"), "pretty"),
        (("filter", "--shard", "3/2", "x"), "part 3 is not between 1 and 2"),
        (("filter", "absent.jsonl"), "absent.jsonl: cannot be read"),
        (("generate", "questions.jsonl"), "--teacher must be given"),
        (("generate", "questions.jsonl", "--teacher", "no/such:model"), "no/such:model"),
        (("generate", "questions.jsonl", "--teacher", "scripted:teacher.toml", "--styles", "haiku"), "haiku"),
        (("judge", "questions.jsonl", "--judge", "scripted:judge.toml", "--rubric", "nice"), "nice"),
        (("train", "paths.jsonl", "-o", "run"), "--student must be given"),
        (("eval", "questions.jsonl"), "--run or --model"),
        (("eval", "questions.jsonl", "--run", "nowhere"), "is no run folder"),
        (("eval", "questions.jsonl", "--model", "embedded:gpt-5"), "embedded:gpt-5"),
        (("filter", "--config", "absent.toml"), "absent.toml: cannot be read"),
        (("filter", "--config", "wrong.toml"), "no option is called colour"),
    ],
)
def test_a_mistake_in_usage_is_one_clear_line_and_exit_2(words, says, bench):
    bench.write("wrong.toml", "[filter]\ncolour = 1\n")
    found = bench.run(*words)
    assert found.code == 2
    assert says in found.err
    assert len(found.err.strip().splitlines()) == 1
    assert found.out == ""


def test_the_version_is_shown(bench):
    from qrd import __version__

    assert bench.run("--version").out == f"qrd {__version__}\n"


def test_an_own_style_is_used_beside_those_named(bench):
    bench.write("haiku.toml", 'id = "haiku"\nversion = 1\ninstruction = "Answer in a haiku."\n')
    words = ("generate", "questions.jsonl", "--teacher", "scripted:teacher.toml", "--styles", "cot")
    found = bench.run(*words, "--style-file", "haiku.toml")
    assert {row["style"] for row in found.rows()} == {"cot", "haiku"}
    assert any("Answer in a haiku." in row["prompt"][0]["content"] for row in found.rows())


@pytest.mark.parametrize(
    "words",
    [
        "generate questions.jsonl --teacher hf:{} -o out.jsonl",
        "eval questions.jsonl --model hf:{} -o out.jsonl",
        "train paths.jsonl --student {} -o run --device cpu",
        "train paths.jsonl --student a=hf:{} -o run --device cpu",
        "filter paths.jsonl --tokenizer {} --max-tokens 9 -o out.jsonl",
    ],
)
@pytest.mark.parametrize("folder", ["/no/such/folder", "./gone", "models/of/mine", "models/"])
def test_a_folder_that_is_not_there_is_named_and_no_hub_is_asked(words, folder, bench):
    path = {"id": "a", "task": "math", "question": "2+3?", "path_id": "p", "response": "So it is 5."}
    bench.write_rows("paths.jsonl", [{**path, "prediction": "5", "correct": True}])
    done = bench.run(*words.format(folder).split(), HF_ENDPOINT="http://127.0.0.1:9")
    assert done.code == 2
    assert f"{folder}: there is no such folder" in done.err
    assert done.err.count("\n") == 1
    assert "epo id" not in done.err


@pytest.mark.parametrize(
    "words", ["demo -o taken", "train paths.jsonl --student embedded:smollm2-135m -o taken",
              "eval questions.jsonl --model hf:nobody --export inspect-ai -o taken"]
)  # fmt: skip
def test_a_file_where_a_folder_is_wanted_is_told_of_at_once(words, bench):
    bench.write_rows("paths.jsonl", [{"id": "a", "task": "text", "question": "Q?", "path_id": "p", "response": "So."}])
    bench.write("taken", "mine")
    done = bench.run(*words.split())
    assert done.code == 2, done.err
    assert "taken: is a file, and a folder is wanted there; give another -o" in done.err
    assert (bench.folder / "taken").read_text() == "mine"
