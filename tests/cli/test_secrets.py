"""No command shows or writes a password, whoever says it: real commands, against servers that refuse them."""

import base64
import html
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

PASSWORD = "Hunter2-hunter/2"
ESCAPED = urllib.parse.quote(PASSWORD, safe="")
KEY = "Kq7+w/Zt9=rBx4Lm"
CLOTHED = [
    KEY, urllib.parse.quote(KEY, safe=""), urllib.parse.quote(KEY), html.escape(KEY), json.dumps(KEY), KEY.lower(),
    KEY.upper(), KEY[:12], KEY[-12:], " ".join(KEY), base64.b64encode(KEY.encode()).decode(),
    base64.b64encode(f"user:{KEY}".encode()).decode(), KEY.encode().hex(),
]  # fmt: skip
GIVEN_AWAY = ("kq7+w/zt", "zt9=rbx4", "kq7%2bw", "s3e3k3cv", base64.b64encode(KEY.encode()).decode()[:10].lower())
PATH = {
    "id": "a", "task": "math", "question": "2+3?", "answer": "5", "path_id": "p", "request_hash": "h", "teacher": "t",
    "style": "cot", "sample": 0, "prompt": [{"role": "user", "content": "2+3?"}], "response": "\\boxed{5}",
    "finish_reason": "stop", "prediction": "5", "correct": True,
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost_usd": None},
}  # fmt: skip
HUB = {
    "train": "train paths.jsonl -o run --student nobody/nothing --device cpu",
    "generate": "generate questions.jsonl -o out.jsonl --teacher hf:nobody/nothing",
    "eval": "eval questions.jsonl -o out.jsonl --model hf:nobody/nothing",
    "filter": "filter paths.jsonl -o out.jsonl --tokenizer nobody/nothing --max-tokens 9",
    "data import": "data import gsm8k --hub -o out.jsonl",
    "data export": "data export paths.jsonl -o rows.jsonl --hub nobody/nothing",
}


class Refusing(BaseHTTPRequestHandler):
    """Refuses everything, and says the key that it was sent in many forms."""

    def do_GET(self):
        self.refuse(401, "no entry")

    do_HEAD = do_GET

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        number = sum(map(ord, self.path)) + len(self.server.seen)
        self.server.seen.append(self.path)
        self.refuse(400, f"not a key: {CLOTHED[number % len(CLOTHED)]} at {self.path}")

    def refuse(self, status, said):
        body = json.dumps({"error": {"message": said}}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *told):
        pass


@pytest.fixture
def refusing():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def everything(bench, done):
    """All that a command showed or wrote, but for what it was given."""
    given = ("questions.jsonl", "paths.jsonl", "options.toml")
    files = [file for file in bench.folder.rglob("*") if file.is_file() and file.name not in given]
    return done.out + done.err + "".join(file.read_text("utf-8", "replace") for file in files)


def assert_kept(text):
    for form in ("Hunter2-", "hunter/2", ESCAPED):
        assert form.lower() not in text.lower(), text


@pytest.mark.parametrize(("command", "debug"), [*((command, []) for command in HUB), ("train", ["--debug"])])
def test_a_hub_that_refuses_is_told_of_without_its_password(command, debug, bench, refusing, tmp_path):
    bench.write_rows("paths.jsonl", [PATH])
    hub = f"http://user:{ESCAPED}@127.0.0.1:{refusing.server_port}"
    done = bench.run(
        *HUB[command].split(), *debug, HF_ENDPOINT=hub, HF_HOME=str(tmp_path / "hf"), HF_TOKEN="hf_" + "x" * 9
    )
    assert done.code in (2, 6), done.err
    assert_kept(everything(bench, done))


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "data import"])
def test_a_hub_that_cannot_be_reached_is_told_of_without_its_password(command, bench, tmp_path):
    bench.write_rows("paths.jsonl", [PATH])
    hub = f"http://user:{ESCAPED}@127.0.0.1:9"
    done = bench.run(*HUB[command].split(), HF_ENDPOINT=hub, HF_HOME=str(tmp_path / "hf"))
    assert done.code == 2
    assert "127.0.0.1:9" in done.err, "the library tells which server it tried"
    assert_kept(everything(bench, done))


@pytest.mark.parametrize("teacher", ["openai/gpt-4o-mini", "gemini/gemini-1.5-pro"])
def test_a_proxy_that_cannot_be_reached_is_told_of_without_its_password(teacher, bench):
    proxy = f"http://user:{ESCAPED}@127.0.0.1:9"
    keys = {"OPENAI_API_KEY": KEY, "GEMINI_API_KEY": KEY, "HTTPS_PROXY": proxy}
    words = (
        "generate",
        "questions.jsonl",
        "-o",
        "out.jsonl",
        "--teacher",
        teacher,
        "--retries",
        "0",
        "--styles",
        "cot",
    )
    done = bench.run(*words, **keys)
    assert done.code == 6, done.err
    assert "127.0.0.1:9" in done.err, "the proxy is told of"
    assert_kept(everything(bench, done))


@pytest.mark.parametrize("debug", [[], ["--debug"]], ids=["plain", "debug"])
@pytest.mark.parametrize("form", ["flag", "variable", "--config"])
def test_a_password_and_a_key_in_api_base_are_written_nowhere(form, debug, bench, refusing):
    base = f"http://user:{ESCAPED}@127.0.0.1:{refusing.server_port}/v1?key={urllib.parse.quote(KEY, safe='')}"
    words = ["generate", "questions.jsonl", "-o", "out.jsonl", "--teacher", "openai/some", "--retries", "0", *debug]
    extra = {}
    if form == "flag":
        words += ["--api-base", base]
    elif form == "variable":
        extra["QRD_GENERATE_API_BASE"] = base
    else:
        bench.write("options.toml", f'[generate]\napi_base = "{base}"\n')
        words += ["--config", "options.toml"]
    done = bench.run(*words, **extra)
    assert done.code == 3, done.err
    assert len(refusing.seen) == 12
    text = everything(bench, done)
    assert_kept(text)
    assert [form for form in GIVEN_AWAY if form in text.lower()] == []


def test_a_server_that_says_the_key_in_any_form_does_not_bring_it_into_a_file(bench, refusing):
    base = f"http://127.0.0.1:{refusing.server_port}/v1"
    words = ("generate", "questions.jsonl", "-o", "out.jsonl", "--teacher", "openai/some", "--api-base", base)
    # All calls at once: a run gives up once more than a round of calls is refused alike.
    done = bench.run(*words, "--samples", "3", "--concurrency", "36", "--retries", "0", OPENAI_API_KEY=KEY)
    assert done.code == 3, done.err
    assert len(refusing.seen) == 36 > len(CLOTHED)
    assert len(bench.rows("out.jsonl.failed.jsonl")) == 36
    text = everything(bench, done)
    assert [form for form in (*CLOTHED, *GIVEN_AWAY) if form.lower() in text.lower()] == []
