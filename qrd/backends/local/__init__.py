"""Models in this process or on this machine: transformers and vLLM.

It must not know of HTTP, prices or batches.
"""
