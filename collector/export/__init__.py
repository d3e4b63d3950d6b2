"""The newest answers of runs as flat columns: CSV, JSON Lines, Excel, Parquet, DuckDB."""
