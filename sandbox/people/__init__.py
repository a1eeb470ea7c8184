"""People who write to a line: a script of personas, a schedule that waits for nobody, and how long they waited.

`script.Script` is the YAML; `schedule.schedule` turns it into turns, each with its moment; the simulated Chattigo plays
them (`sandbox.chattigo.crowd`), and `driving.Driver` has it do so over its control API. `docs/people.md` tells of it.
"""
