"""Text -> answer -> equal? A reply's answer is found here, put in one form, and compared with the gold one.

Why it exists: what trains a student and what scores it hang on this reading, so it stands alone, apart from files and
models. Finding and comparing are kept apart, and "no answer found" is a value of its own, never a wrong guess.
It must not know of records, prompts or backends: it takes plain strings. A reply is data; nothing in it is evaluated.
Importing this package imports no computer algebra; comparing two expressions that need it happens in processes that
can be killed (`workers`).

Forms: choice a letter "A".."Z"; boolean "yes" or "no"; nli "entailment", "neutral" or "contradiction"; math a number
or LaTeX as the reply gave it, lightly normalised; text a normalised string.

Where to begin: ``grading`` is the door, ``reading/`` what every reply passes first. Then one module for each task reads
what is left: ``boolean``, ``choice``, ``nli``, ``text`` and ``maths/``, found through ``readers``. The table of tasks,
``config.tasks``, says how to add one.
"""

from qrd.answers.grading import Grade, GradeItem, Grader, canonical_gold, equal, extract, grade
from qrd.answers.reading.thoughts import Split, split_thoughts

__all__ = ["Grade", "GradeItem", "Grader", "Split", "canonical_gold", "equal", "extract", "grade", "split_thoughts"]
