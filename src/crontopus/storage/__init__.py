"""What is kept, and the only place that knows how: SQLAlchemy Core and Alembic, on SQLite and PostgreSQL."""
