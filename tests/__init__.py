"""Relevo's tests: unit (no broker), kafka (a genuine broker), system (all services as processes)."""
