"""The shared trainer core: one loop in which every objective runs, be it the method, plain fine-tuning or an ablation.

It knows nothing of the method: a window of paths goes to an `Objective`, which says which student runs which path and
what the loss is. So two runs differ in what they are trained for and in nothing else.

Where to begin: ``objective`` (the contract), then ``loop`` (one step), then ``fitting`` (all steps, and resuming).

objectives/  the baselines, one a file; the table of all is in ``stages.train.objectives``
tokens/      paths as tokens and as vectors, windows and micro-batches of them
students/    one student, how it is loaded, its adapters and its losses
devices/     where each student lives, shards and processes, and the memory it takes
checkpoint, folder, identity, log, trackers    what a run leaves behind, and what makes two runs the same
optimisation  rates, schedules and the optimizer
"""
