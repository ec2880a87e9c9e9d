"""What a panel of judges tells of itself."""

KIND = r"""
[[rule]]
regex = "verdict ([0-9a-f]+): WORD"
reply = "verdict \\1: valid\nreason: yes"
"""
STRICT = r"""
[[rule]]
regex = "odd[\\s\\S]*verdict ([0-9a-f]+): WORD"
reply = "verdict \\1: invalid\nreason: no"
"""


def test_agreement_is_told_and_survives_a_resume_and_a_judge_of_the_teachers_family_is_named(bench):
    rows = [
        {"id": f"q{n}", "path_id": f"p{n}", "task": "text", "question": "Why?", "teacher": "openai/strict-2",
         "response": "This is odd." if n < 2 else "This is even."}
        for n in range(6)
    ]  # fmt: skip
    bench.write("kind.toml", KIND)
    bench.write("strict.toml", STRICT + KIND)
    words = ("judge", "paths.jsonl", "--judge", "scripted:kind.toml", "--judge", "scripted:strict.toml")
    bench.write_rows("paths.jsonl", rows[:3])
    bench.run(*words, "-o", "judged.jsonl", "--max-unscored", "1")
    bench.write_rows("paths.jsonl", rows)
    last = bench.run(*words, "-o", "judged.jsonl", "--max-unscored", "1")
    assert last.code == 0, last.err
    # 10 valid, 2 invalid, apart on 2 of 6 paths: 1 - 11 * 2 / 20
    assert "Krippendorff's alpha -0.10 over 6 paths" in last.err
    told = bench.json("judged.jsonl.manifest.json")["agreement"]
    assert told == {"krippendorff_alpha": 1 - 11 * 2 / 20, "paths": 6}
    assert last.err.count("the judge scripted:strict.toml is of the family of the teacher openai/strict-2") == 1
    assert "kind.toml is of the family" not in last.err
