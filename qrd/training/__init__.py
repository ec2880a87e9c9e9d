"""The shared trainer core: paths as tokens, students, one loop, checkpoints and logs.

It exists so that every objective runs in the same loop: the method of the paper, plain fine-tuning, an
ablation. It knows nothing of the method: a window of paths goes to an `Objective` (``loop``), which says
which student runs which path and what the loss is.
"""
