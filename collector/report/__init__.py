"""One offline page that shows what lies in run directories: read, aggregated, drawn."""
