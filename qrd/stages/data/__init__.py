"""data: foreign files to records and back: `importing` (import), `paths` (paths), `exporting` (export).

Each has a plate of its own; the three share nothing but the records.
"""
