"""How long replies wait beside a full batch stream, on the clock of the simulated Chattigo."""
