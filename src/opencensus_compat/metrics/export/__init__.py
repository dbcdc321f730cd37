"""What exporters of metrics receive, and what produces it."""
