"""Paths in the forms that other trainers read, and what goes beside them: a card, a registry entry, a place on the hub.

Why it exists: what TRL, LLaMA-Factory, ms-swift and axolotl expect stands in one place, apart from qrd's own records.
It must not know how a prompt is worded or which paths are worth training on; it is given both.

    trainers   rows and settings per trainer     parquet   the other file format
    lineage    the manifests behind a file       card      README.md of a folder     hub_upload   to the hub
"""
