"""Where the answers land: append-only files of whole lines, a manifest, an event log."""
