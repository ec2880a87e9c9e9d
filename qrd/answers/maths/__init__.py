"""Numbers and expressions: found in a reply, brought to one form, compared exactly.

Nothing here is evaluated but by a grammar with bounds; what only algebra can tell goes to `symbols`, in a process that
can be killed.

Where to begin: ``answer`` (the task's three functions), then, in the order of a reply's way:

quantities   what a few words announce, state or come to
latex        the light form: text only, with ``signs`` (glyphs in LaTeX) and ``numerals`` (numbers in words)
measures     a quantity taken apart into expression and unit, with ``units`` and their table, ``unit_names``
values       whether two answers are the same, at once, with ``exact`` (fractions without rounding)
symbols      what algebra alone can tell
"""
