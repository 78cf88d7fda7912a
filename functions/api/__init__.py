"""The api function: counts become an answer."""
