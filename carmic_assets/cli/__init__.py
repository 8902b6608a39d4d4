"""The `carmic` command: `up`, `clip`, `doctor`, `admin`."""
