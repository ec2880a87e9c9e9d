"""What a model's answers are worth: scores with intervals, students combined, models compared.

It reads predictions and must not know how they were made.
"""

from qrd.evaluation.ensemble import by_logprob, by_vote, by_weight, disagree
from qrd.evaluation.score import Accuracy, accuracy, wilson
from qrd.evaluation.summary import summarised
from qrd.evaluation.table import show

__all__ = ["Accuracy", "accuracy", "by_logprob", "by_vote", "by_weight", "disagree", "show", "summarised", "wilson"]
