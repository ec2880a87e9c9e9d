"""eval: questions to predictions and a table.

Reads:   questions; a run folder of train, or models by name.
Does:    asks every student, its untrained base and any other model each question; combines students to ensembles.
Writes:  one prediction a line, as replies come in; the table on standard error; --summary.
Never:   asks again for a prediction that is in OUTPUT; shows a model more than the question.

Source: paper, section 3.1 and the set-up of 2.1 (a simple instruction and the question, no examples).
"""
