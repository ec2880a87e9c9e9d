import base64
import html
import io
import json
import re
from urllib.parse import quote, quote_plus

import pytest

from qrd.errors import ConfigError, DataError, StorageError
from qrd.masking import MASK, MaskedStream, learn, masked, one_line


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://user:hunter2@host.org/v1?api_key=s3cret&x=1 failed", "https://***@host.org/v1?*** failed"),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***"),
        ("Incorrect API key provided: sk-proj-0123456789abcdef.", "Incorrect API key provided: ***."),
        (
            "hf_hub_download and skateboarding championships stay",
            "hf_hub_download and skateboarding championships stay",
        ),
    ],
)
def test_what_looks_like_a_secret_is_masked_and_nothing_else(text, kept):
    assert masked(text) == kept


def test_values_of_secret_looking_variables_are_masked_wherever_they_stand(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "plainwords")
    monkeypatch.setenv("SHORT_TOKEN", "1")
    monkeypatch.setenv("KEY_OF_A_FILE", "otherwords\n")
    assert masked("it said plainwords, 1 time") == "it said ***, 1 time"
    assert masked("it said otherwords too") == "it said *** too"


def test_an_error_becomes_one_line_of_bounded_length():
    assert one_line(ValueError("first\nsecond")) == "first"
    assert one_line(ValueError()) == "ValueError"
    assert len(one_line("x" * 10_000)) == 300


SECRETS = ['Zk9+/=qw&rt<Yx12"34', "Hunter2/hunt\\n&er'9é", "sesame-Öffne-dich-42"]
CLOTHES = {
    "plain": lambda s: s,
    "URL": quote,
    "URL, slashes too": lambda s: quote(s, safe=""),
    "form": quote_plus,
    "URL twice": lambda s: quote(quote(s)),
    "every byte as %xx": lambda s: "".join(f"%{byte:02x}" for byte in s.encode()),
    "HTML": html.escape,
    "HTML twice": lambda s: html.escape(html.escape(s)),
    "HTML numbers": lambda s: "".join(f"&#{ord(c)};" for c in s),
    "JSON": json.dumps,
    "JSON in JSON": lambda s: json.dumps(json.dumps(s)),
    "Python": repr,
    "bytes of Python": lambda s: repr(s.encode()),
    "capitals": lambda s: "".join(c.upper() if c.isascii() else c for c in s),
    "small letters": lambda s: "".join(c.lower() if c.isascii() else c for c in s),
    "spaced": " ".join,
    "a letter a line": "\n".join,
    "folded": lambda s: s[:7] + "\n      " + s[7:],
    "hexadecimal": lambda s: s.encode().hex(),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 of URLs": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "basic authentication": lambda s: base64.b64encode(f"someone:{s}".encode()).decode(),
    "basic authentication of another": lambda s: base64.b64encode(f"me:{s}".encode()).decode(),
    "beginning": lambda s: s[:11],
    "end": lambda s: s[-11:],
    "middle": lambda s: s[3:14],
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("clothes", CLOTHES)
def test_a_known_secret_is_found_in_all_its_clothes(clothes, secret, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", secret)
    clothed = CLOTHES[clothes](secret)
    kept = masked(f"they said <{clothed}>, and no more")
    assert kept.startswith("they said <")
    assert kept.endswith(">, and no more")
    assert MASK in kept
    most = max(
        map(len, re.findall(r"[^*]+", kept.removeprefix("they said <").removesuffix(">, and no more"))), default=0
    )
    assert most < 24 if "authentication" in clothes else most < 8, kept


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "HF_ENDPOINT", "PIP_INDEX_URL"])
def test_the_password_of_any_url_in_the_environment_is_a_secret(name, monkeypatch):
    monkeypatch.setenv(name, "http://someone:pass%2Fword7@127.0.0.1:9/simple")
    assert masked("login someone with pass/word7 or pass%2Fword7") == "login someone with *** or ***"


def test_credentials_on_the_command_line_and_in_a_learned_text_are_secrets(monkeypatch):
    monkeypatch.setattr("sys.argv", ["qrd", "--api-base", "http://h/v1?key=query-value-1", "--x=http://token-of-3@h/"])
    learn('api_base = "https://a:learned-7@h/v1"')
    assert masked("query-value-1, token-of-3 and learned-7") == "***, *** and ***"


def test_options_and_words_are_no_secrets(monkeypatch):
    monkeypatch.setenv("QRD_FILTER_TOKENIZER", "embedded:smollm2-135m")
    monkeypatch.setenv("HTTPS_PROXY", "http://u:trainingmodel@h:1")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/home/someone/keys/one.json")
    said = "/home/someone/runs/1: training a model with embedded:smollm2-135m; is 2?x=1"
    assert masked(said) == said


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic dXNlcjpwYXNzd29yZA==", "{'api_key': 'abcd1234efgh'}", "X-Api-Key: abcd1234efgh",
        "github_pat_11ABCDEFG0123456789abcdef", "GET /v1/models?key=abcd1234", "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeK", "https://a:b@c@host/v1",
    ],
)  # fmt: skip
def test_what_nobody_knows_is_masked_where_its_form_gives_it_away(text):
    assert not re.search(r"dXNl|1234|ABCD|AKIA|eyJ|b@c", masked(text)), masked(text)


def test_a_masked_stream_writes_nothing_unmasked_and_is_else_the_stream(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "plainwords")
    raw = io.StringIO()
    stream = MaskedStream(raw)
    assert stream.write("it said plainwords\n") == len("it said plainwords\n")
    stream.writelines(["plainwords\n"])
    print("plain", "plainwords", file=stream)
    assert raw.getvalue() == "it said ***\n***\nplain ***\n"
    assert stream.isatty() is False


def test_the_text_of_every_error_of_qrd_is_masked(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "plainwords")
    assert str(ConfigError("found plainwords")) == "found ***"
    assert str(DataError("f", 1, None, "plainwords")) == "f:1: ***"
    assert str(StorageError.of("f", OSError("plainwords"))) == "f: ***"
