"""Does routing help? A study of `qrd train` that anyone can repeat on two cores; README.md tells it.

One cell is one seed under one condition: the stages of qrd filter the teacher's paths, train two tiny students and
evaluate them. Every cell is one line of rows.jsonl, so a study can be stopped, resumed and extended at any time.

    tasks       questions of reasoning-gym in known difficulties
    working     how a question is worked out, step by step
    teacher     the six styles, with known shares of wrong and unsound paths
    judge       verdicts on them
    reading     what the students read before the study
    bases       the two students as they are before training
    conditions  what is compared, and how much each may train
    cells       one cell, from the paths to its line
    analysis    means, intervals and tests over the lines
    plots       the figures
"""
