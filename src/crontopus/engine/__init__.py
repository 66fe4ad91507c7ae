"""What the server does: one module per verb, functions over a transaction or a database."""
