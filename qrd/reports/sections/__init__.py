"""The sections of a page, one a file: what was gathered in, a `Section` out.

Each file holds `section(found, summary)`, where `summary` is what `accuracy.scored` makes of the answers. A section
without figures, tables, cases and commands is not shown, so one that has nothing to say returns itself empty.

To add one: write its file here, and give it its line in `qrd/reports/contents.py`, at its place on the page.
"""
