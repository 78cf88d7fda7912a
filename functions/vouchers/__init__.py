"""What both functions mean by segment, count and choice."""
