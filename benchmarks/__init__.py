"""What the figures in docs/reference/performance.md come from."""
