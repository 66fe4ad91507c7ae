"""The console: HTML pages over the REST API, reached through the client and nothing else."""

from crontopus.console.app import console_router

__all__ = ["console_router"]
