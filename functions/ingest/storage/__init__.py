"""S3 objects and the results bucket."""
