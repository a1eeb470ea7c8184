"""Drills: everything runs as processes, something is broken on purpose, and an audit says whether a promise broke.

`drill` says what a drill is made of, `catalogue` has them, `scene` is what a fault sees and does, `loads` what happens
meanwhile, `run` plays one, `series` many, `verdict` is what came out, and `evidence` what is kept of one that failed.
"""
