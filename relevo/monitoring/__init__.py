"""What watches a deployment: objectives, alerts and dashboards, declared once and written as files for Prometheus and
Grafana. Leaves the measuring to the services, and what to do to the runbooks."""
