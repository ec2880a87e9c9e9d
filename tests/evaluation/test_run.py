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


def test_the_students_vote_on_every_question_and_ties_are_counted(evaluated):
    rows, summary, _ = evaluated()
    votes = [row for row in rows if row["model"] == "ensemble:vote"]
    assert len(votes) == 6
    assert all(row["chosen"] in ("fitted", "unfitted") for row in votes)
    assert summary["models"]["ensemble:vote"]["ties"] == sum(row["tie"] for row in votes)
    assert "ties" not in summary["models"]["fitted"]


def test_a_finished_evaluation_votes_no_second_time(evaluated):
    rows, _, _ = evaluated()
    again, _, _ = evaluated()
    assert again == rows
