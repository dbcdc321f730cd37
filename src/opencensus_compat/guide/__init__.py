"""The guide of ``migration_guide/``, which the wheel brings along, and the command that shows it."""
