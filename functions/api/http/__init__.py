"""HTTP: routing, middleware, caching, errors and request fields."""
