"""Announcements: what those who run the installation tell everybody, or some tenants."""

from enum import StrEnum


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
