"""The demo: the whole pipeline on one machine, watched, and proved at its end by an audit.

`scenario` says who takes part, `stage` starts and stops everything, `play` is what happens, `figures` what came out.
"""
