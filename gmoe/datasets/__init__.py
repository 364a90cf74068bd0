"""Real data with their sources, and simulated data with known parameters."""

from gmoe.datasets._real import load_penguins, load_temperature_anomalies
from gmoe.datasets._simulated import make_gmoe

__all__ = ["load_penguins", "load_temperature_anomalies", "make_gmoe"]
