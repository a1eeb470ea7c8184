"""Kafka clients as the services need them: producing, transactions, groups, reading, following, topics.

`record` says what flows; `producer` confirms; `transactions` commits with offsets, fenced; `consumer` is a member
of a group; `reader` reads a partition once; `follower` keeps a read model; `offsets` and `topics` ask the cluster;
`config` is the only place that knows the options of the client libraries.
"""
