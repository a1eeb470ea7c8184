"""What waits on a line, and in which order it goes.

`admission` and `crowd` say how much may wait; `lanes` are replies by contact; `bulk` and `batching` are templates, in
piles by their `ways`; `turns` are taken where something is shared.
"""
