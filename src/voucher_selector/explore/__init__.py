"""The notebook that explores a file: the functions that its cells call, and its result as one HTML page."""
