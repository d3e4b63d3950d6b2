"""Values that every room may know; the ground floor knows nothing else in the project."""
