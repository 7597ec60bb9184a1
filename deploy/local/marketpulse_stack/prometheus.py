"""Prometheus: its configuration."""

from __future__ import annotations

from string import Template

from marketpulse_stack.settings import Settings


def write_configuration(settings: Settings) -> None:
    """Renders monitoring/prometheus/prometheus.yml.tmpl."""
    template = Template((settings.root / "monitoring" / "prometheus" / "prometheus.yml.tmpl").read_text())
    text = template.substitute(
        postgres_exporter=f"127.0.0.1:{settings.ports.postgres_exporter}",
        kafka_exporter=f"127.0.0.1:{settings.ports.kafka_exporter}",
        statsd_exporter=f"127.0.0.1:{settings.ports.statsd_exporter}",
        prometheus=f"127.0.0.1:{settings.ports.prometheus}",
        alertmanager=f"127.0.0.1:{settings.ports.alertmanager}",
        rules=settings.root / "monitoring" / "prometheus" / "rules",
    )
    (settings.run / "prometheus.yml").write_text(text)
