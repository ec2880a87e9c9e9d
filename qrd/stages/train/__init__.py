"""train: paths to fitted students.

Reads:   paths; the models named by --student and --encoder.
Does:    fits all students jointly with QR-Distill, or each on every path with --objective sft.
Writes:  a run folder: config.toml, manifest.json, metrics.jsonl, routing.jsonl, students/, router/, checkpoints/.
Never:   trains on a cut, empty or refused answer; shortens a path; changes a path's answer or grade.

With ``distilling`` the one place where the method meets the trainer. Source: paper, sections 2.4 to 2.6.
"""
