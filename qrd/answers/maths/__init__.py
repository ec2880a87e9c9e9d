"""Numbers and expressions: found in a reply, brought to one form, compared exactly.

Nothing here is evaluated but by a grammar with bounds; what only algebra can tell goes to `symbols`, in a process that
can be killed.
"""
