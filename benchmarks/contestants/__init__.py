"""What is compared: modules with ``count(path, *, by_row, cores)``; all but the floor return Counts."""
