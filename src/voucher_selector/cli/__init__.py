"""The command line: what `make demo`, `make run`, `make upload` and the other targets call."""
