"""Runs as tables of an analytical database (DuckDB), for columns and pictures.

Needs the extra `export`. Nothing outside this room and those who draw on it (`collector.export`,
`collector.report`) imports DuckDB.
"""
