"""The HTTP API: a Litestar application over `resources`. See docs/api.md."""
