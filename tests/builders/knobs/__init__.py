"""Probes: for each knob of the simulated Chattigo, something that shows that it is turned."""
