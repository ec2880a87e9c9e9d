"""The baselines: what students are trained for without the method, each an `Objective` (``training.objective``)."""
