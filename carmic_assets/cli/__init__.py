"""Implements the `carmic` command (`up`, `clip`, `doctor`, `admin`) and the demo that `make demo` runs."""
