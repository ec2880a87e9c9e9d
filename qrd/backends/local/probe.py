"""The text on which a model with an adapter is held beside the model without it."""

PROBE = "Reason step by step. What is 17 + 25? First add 10 + 20, then 7 + 5; the answer is 42."
