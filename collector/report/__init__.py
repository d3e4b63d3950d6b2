"""One offline page that shows run directories: read, aggregated, drawn."""
