"""The commands of the command line, one file per command; thin, and imported by zoo.cli alone."""
