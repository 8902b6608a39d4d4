"""Request handlers, one module per group of paths. Each module lists its handlers in `ROUTES`."""
