"""The `carmic` command: `up`, `clip`, `doctor`, `admin`. Also the demo that `make demo` runs."""
