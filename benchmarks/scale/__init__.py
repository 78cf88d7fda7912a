"""A hundred million rows in 200 objects: Spark, the function fanned out over files, and others."""
