"""Crontopus watches scheduled jobs: every run reports, and silence raises an alert."""

__version__ = "0.1.0"
