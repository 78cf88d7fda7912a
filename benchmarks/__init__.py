"""Benchmarks, which write their results into pages under docs/; `make help` lists their targets."""
