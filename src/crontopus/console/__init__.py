"""The console: HTML pages over the REST API, reached through the client and nothing else."""
