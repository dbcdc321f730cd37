"""The integration with SQLAlchemy."""
