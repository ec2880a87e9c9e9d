"""One file per verb, each with the same parts: what it reads, does, writes and never does; `run`; its Summary.

A stage takes a configuration and a Console, and knows nothing of Typer. It raises an error of `qrd.errors`; the command
line turns that into an exit code.
"""
