"""What became of a call.

`verdicts` is the table of answers; `settling` applies it; `attempts`, `bisect` and `replays` try again; `doubts` and
`silence` decide what nobody answered; `endings` is what is told.
"""
