"""What a line remembers, beyond memory and crashes.

`book`, `entry` and `journal` hold what still counts, by its `firmness`; `index`, `segments` and `checkpoint` what is
settled.
"""
