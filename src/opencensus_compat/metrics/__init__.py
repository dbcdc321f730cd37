"""Numbers that describe a moment or add up: gauges, cumulatives, and the values that exporters of metrics receive."""
