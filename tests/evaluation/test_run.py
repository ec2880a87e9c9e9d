"""eval of a run folder: students beside their base, combined and compared."""


def test_each_student_is_compared_with_its_base(evaluated):
    rows, summary, shown = evaluated()
    assert len([row for row in rows if row["model"] == "base:fitted"]) == 6
    pairs = [(found["model"], found["other"], found["questions"]) for found in summary["comparisons"]]
    assert pairs == [("fitted", "base:fitted", 6), ("unfitted", "base:fitted", 6)]
    assert summary["comparisons"][1]["difference"] == 0
    assert "Compared question by question" in shown


def test_without_the_base_there_is_nothing_to_compare_with(evaluated):
    _, summary, shown = evaluated(baseline=False)
    assert summary["comparisons"] == []
    assert "Compared question by question" not in shown
