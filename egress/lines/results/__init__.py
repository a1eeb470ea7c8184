"""What became of a call.

`verdicts` is the table of answers, `named` what one says of single recipients; `settling` applies it; `attempts`,
`bisect` and `replays` try again, unless what they answer to is `overtaken`; `doubts` and `silence` decide what nobody
answered; `endings` is what is told.
"""
