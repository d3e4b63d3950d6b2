"""The newest answers of runs as flat columns: CSV, Parquet, DuckDB."""
