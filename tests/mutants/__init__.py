"""Services with one rule broken: each module patches a service, then runs it as `relevo` would. Drills must see it.

python -m tests.mutants.no_dedupe serve conversations
"""
