"""Values that every room may import; this one imports nothing else of the project."""
