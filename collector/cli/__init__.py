"""The command line: commands, progress, summaries, exit codes."""
