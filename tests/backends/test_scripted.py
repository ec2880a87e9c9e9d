import pytest

from qrd.backends import BackendSettings, Request, Sampling, open_backend
from qrd.errors import ConfigError

RULES = r"""
[[rule]]
regex = 'verdict (\w+): valid'
reply = 'verdict \1: valid'

[[rule]]
match = "cut"
reply = ["one", "two"]
finish_reason = "length"

[[rule]]
match = "break"
error = "broken"
"""


def ask(text, seed=None):
    return Request(key=text, messages=({"role": "user", "content": text},), sampling=Sampling(seed=seed))


def test_the_first_rule_that_applies_decides(tmp_path):
    (tmp_path / "rules.toml").write_text(RULES)
    backend = open_backend(f"scripted:{tmp_path / 'rules.toml'}", BackendSettings())
    found = list(backend.complete([ask("verdict k7: valid"), ask("cut", 0), ask("cut", 1), ask("break"), ask("?")]))
    assert [reply.text for reply in found] == ["verdict k7: valid", "one", "two", None, None]
    assert [reply.finish_reason for reply in found[:3]] == ["stop", "length", "length"]
    assert found[3].error == "broken"
    assert "no rule" in found[4].error


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.toml", "[[rule]]\nmtach = 'x'"), ("a.jsonl", "{"), ("a.jsonl", '{"regex": "("}'), ("a.toml", "x = 1")],
)
def test_a_file_that_is_no_rules_is_one_line(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=f"{name}: no rules") as caught:
        open_backend(f"scripted:{tmp_path / name}", BackendSettings())
    assert "\n" not in str(caught.value)
