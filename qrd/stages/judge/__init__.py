"""judge: paths to judged paths.

Reads:   paths; with --canaries paths whose verdict is known, with --against labels of paths.
Does:    asks one or several judges whether the reasoning of each right path holds; takes a strict majority. Stops when
         a judge drifts from its first verdicts on the canaries.
Writes:  the same paths with `verdicts` and `verdict`, as they are settled; paths that are not judged have null. Until
         then verdicts wait in OUTPUT.votes.jsonl. Checks of canaries go to OUTPUT.canaries.jsonl, how judges do
         against labels to --summary.
Never:   shows a judge the gold answer, or a reply without a reasoning (those are invalid before any call); counts what
         cannot be read as valid (method, departure 10); asks again for a verdict that came.

Source: paper, section 2.3, step 2.
"""
