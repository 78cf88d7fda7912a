"""Rows written beside the counts: rejected rows, and segmented rows with their Glue table."""
