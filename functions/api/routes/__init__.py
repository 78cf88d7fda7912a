"""Routes: request, response and view of each resource."""
