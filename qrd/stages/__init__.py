"""One file or folder per verb, with the same parts: what it reads, does, writes and never does; `run`; its counts.

A stage takes a configuration and a Console, and knows nothing of Typer. It raises an error of `qrd.errors`; the command
line turns that into an exit code.
"""
