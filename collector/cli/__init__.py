"""What people type and see: commands, progress, summaries, exit codes."""
