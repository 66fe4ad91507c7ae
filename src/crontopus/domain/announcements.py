"""Announcements: what those who run the installation tell everybody, or some tenants."""

from enum import StrEnum


class Weight(StrEnum):
    INFO = "info"
    WARNING = "warning"
