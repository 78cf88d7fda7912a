"""What is compared: modules with ``count(path, *, by_row, cores)``, which returns Counts (the floor: nothing)."""
