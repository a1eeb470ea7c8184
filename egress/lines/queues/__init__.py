"""What waits on a line, and in which order it goes.

`admission` and `crowd` say how much may wait, `ahead` what is read before its turn; `replies` go in `lanes` by contact,
`bulk` in piles (`batching`) by its `ways`; `turns` are taken where something is shared.
"""
