"""What became of the paths, by reason, style, teacher and difficulty, and what that leaves of each question."""

from __future__ import annotations

from array import array
from collections import Counter

from qrd.filters.decision import KEPT
from qrd.filters.sifting import RIGHT, Sifted, grade_of
from qrd.filters.sifting import UNKNOWN as UNGRADED
from qrd.rows.ordinals import Ordinals
from qrd.rows.records import Fields, Path

UNKNOWN, UNSOLVED, HARD, MEDIUM, EASY = "unknown", "unsolved", "hard", "medium", "easy"
LEVELS = (EASY, MEDIUM, HARD, UNSOLVED, UNKNOWN)
HARD_UP_TO, MEDIUM_UP_TO = 1 / 3, 2 / 3
VANISHED_SHARE = 0.5  # of the questions that are hard but were solved


def difficulty(num_right: int, num_graded: int) -> str:
    """The bucket of a question whose paths are right in `num_right` of `num_graded` cases: the teacher's pass rate."""
    if not num_graded:
        return UNKNOWN
    if not num_right:
        return UNSOLVED
    rate = num_right / num_graded
    return HARD if rate <= HARD_UP_TO else MEDIUM if rate <= MEDIUM_UP_TO else EASY


class Ledger:
    """One entry for each path, in 8 bytes; the tables are made of the entries when all are there."""

    def __init__(self) -> None:
        self._questions, self._graded, self._right = Ordinals(), array("I"), array("I")
        self._kinds: list[tuple[str, str, str]] = []
        self._kind_numbers: dict[tuple[str, str, str], int] = {}
        self._entries = (array("I"), array("I"))  # question, kind

    def __len__(self) -> int:
        return len(self._entries[0])

    def count(self, path: Path, reason: str) -> None:
        """Enter one path under its reason."""
        grade = grade_of(path)
        question = self._question(hash(path.id), grade != UNGRADED, grade == RIGHT)
        self._entries[0].append(question)
        self._entries[1].append(self._kind(reason, path.style, path.teacher))

    def count_sifted(self, sifted: Sifted) -> None:
        """Enter the paths of a block."""
        questions = list(map(self._question, sifted.questions, sifted.graded, sifted.right))
        kinds = [self._kind(*kind) for kind in sifted.kind_names]
        self._entries[0].extend(map(questions.__getitem__, sifted.question_places))
        self._entries[1].extend(map(kinds.__getitem__, sifted.kinds))

    def _question(self, question_hash: int, num_graded: int, num_right: int) -> int:
        question = self._questions.number_of(question_hash)
        if question == len(self._graded):
            self._graded.append(0)
            self._right.append(0)
        self._graded[question] += num_graded
        self._right[question] += num_right
        return question

    def move(self, entry: int, reason: str) -> None:
        """Put an earlier entry, of this number from 0, under another reason."""
        kinds = self._entries[1]
        _, style, teacher = self._kinds[kinds[entry]]
        kinds[entry] = self._kind(reason, style, teacher)

    def _kind(self, reason: str, style: str, teacher: str) -> int:
        kind = (reason, style, teacher)
        number = self._kind_numbers.setdefault(kind, len(self._kinds))
        if number == len(self._kinds):
            self._kinds.append(kind)
        return number

    def by_kind(self) -> dict[tuple[str, str, str, str], int]:
        """Paths by reason, style, teacher and difficulty of their question."""
        level = self._levels()
        counts = Counter(zip(self._entries[1], map(level.__getitem__, self._entries[0])))
        return {(*self._kinds[kind], name): number for (kind, name), number in counts.items()}

    def by_reason(self) -> dict[str, int]:
        """Paths by reason, `kept` among them, the most frequent first."""
        totals: Counter[str] = Counter()
        for kind, number in Counter(self._entries[1]).items():
            totals[self._kinds[kind][0]] += number
        return dict(totals.most_common())

    def coverage(self) -> Coverage:
        """What is left of each question."""
        num_kept = array("I", bytes(4 * len(self._questions)))
        styles: dict[int, str | None] = {}
        for question, kind in zip(*self._entries):
            if self._kinds[kind][0] == KEPT:
                num_kept[question] += 1
                style = self._kinds[kind][1]
                styles[question] = style if styles.setdefault(question, style) == style else None
        only = Counter(style for style in styles.values() if style is not None)
        return Coverage(self._levels(), num_kept, dict(only.most_common()))

    def _levels(self) -> list[str]:
        return [difficulty(*counts) for counts in zip(self._right, self._graded)]


class Coverage:
    """How many questions keep how many paths; `only_styles` counts those whose kept paths are all of one style."""

    def __init__(self, levels: list[str], num_kept: array[int], only_styles: dict[str, int]) -> None:
        self.only_styles = only_styles
        self.by_kept = dict(sorted(Counter(num_kept).items()))
        self.by_level = {level: {"questions": 0, "left": 0} for level in LEVELS if level in levels}
        for level, kept in zip(levels, num_kept):
            self.by_level[level]["questions"] += 1
            self.by_level[level]["left"] += bool(kept)

    def warning(self) -> str | None:
        """A line of warning where most of the questions that are hard, but were solved, have no path left."""
        hard = self.by_level.get(HARD)
        if hard is None or hard["left"] >= VANISHED_SHARE * hard["questions"]:
            return None
        return (
            f"warning: the hard questions vanish: of {hard['questions']} that the teacher got right in at most one "
            f"path of three, {hard['left']} keep a path; what is left is easier than what was asked"
        )

    def as_json(self) -> Fields:
        """The part of --summary that tells of questions."""
        return {
            "questions_by_kept_paths": {str(kept): number for kept, number in self.by_kept.items()},
            "questions_by_difficulty": self.by_level,
            "questions_of_one_style": self.only_styles,
        }
