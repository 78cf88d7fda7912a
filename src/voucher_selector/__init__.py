"""What surrounds the functions: the local stack, sample data and the command line."""
