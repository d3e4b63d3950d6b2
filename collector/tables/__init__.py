"""Runs as tables of an analytical database (DuckDB), for exports and the report.

Needs the extra `export`. Only this room, `collector.export` and `collector.report` import DuckDB.
"""
