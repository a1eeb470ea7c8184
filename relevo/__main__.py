"""`python -m relevo` is the `relevo` command."""

from relevo.cli.program import main

main()
