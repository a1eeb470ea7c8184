"""Tenants as people write them: the tenant file, its checks, and how it becomes a record."""
