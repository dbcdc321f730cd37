"""Tags on their way to another process."""
