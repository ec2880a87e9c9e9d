"""What a model's answers are worth: scores with intervals, students combined.

It reads predictions and must not know how they were made.
"""

from qrd.evaluation.ensemble import by_logprob
from qrd.evaluation.score import Accuracy, accuracy, wilson

__all__ = ["Accuracy", "accuracy", "by_logprob", "wilson"]
