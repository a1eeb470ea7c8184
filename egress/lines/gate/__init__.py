"""Whether at all, and by which call.

`gate` judges by the `terms` of a tenant and a line, with a `verdict`: the `catalogue` of templates, `numbers`, `quiet`
hours and what was `paid` today are its parts. `asking` brings it a line's messages, many that are `alike` at once;
`holds` keep whole campaigns, and `always` tells who submits one what will be refused in any case.
`planning` picks one of the `routes`; `rules` are what a line looks up.
"""
