"""Compared programs: modules with ``count(path, *, by_row, cores)``; all but floors return ``Counts``."""
