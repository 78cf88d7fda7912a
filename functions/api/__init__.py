"""The API function: HTTP requests, answered from the counts."""
