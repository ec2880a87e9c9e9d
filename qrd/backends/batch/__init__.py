"""Requests handed to a provider as a batch, at half the price, and collected by a later run.

It asks as `api` does and notes beside the output what a provider still owes (`notes`).
"""
