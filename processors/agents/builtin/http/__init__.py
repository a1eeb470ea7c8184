"""`http`: a service of the tenant's own decides what is said. See docs/http-agent.md."""
