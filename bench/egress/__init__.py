"""What egress costs: recipients for each second of CPU time, beside a bare loop, and whether each got theirs once."""
