"""What spans and records are sent by: exporters, their options, and what sets them up."""
