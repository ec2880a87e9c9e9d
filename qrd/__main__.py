"""`python -m qrd` is `qrd`."""

from qrd.cli import main

main()
