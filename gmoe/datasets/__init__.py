"""Real data with their sources."""

from gmoe.datasets._real import load_penguins, load_temperature_anomalies

__all__ = ["load_penguins", "load_temperature_anomalies"]
