"""Campaigns of a line: what is to be sent to whom, how far that is, how fast it may become, and when it ends.

`campaign` is one of them, `roster` all of a line, `following` how they are read; `heard` is what receipts say of it,
`stages` canary, ramp and automatic pause, `orders` what a person may want; `recipients` makes messages of rows,
`deferred` keeps those whose turn comes later, `places` notes who of them is withheld; `ending` refuses what is over,
finishes, forgets.
"""
