"""The dashboards as code; `make dashboards` writes them to monitoring/grafana/dashboards."""
