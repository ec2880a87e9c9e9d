"""Paths as tokens and as vectors, and windows of them cut into micro-batches."""
