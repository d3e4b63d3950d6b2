"""Run directories become a `Report`: read once, aggregated by the database."""

from collector.report.read.report import read_report

__all__ = ["read_report"]
