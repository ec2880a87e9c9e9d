import pytest

from qrd.masking import masked, one_line


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
