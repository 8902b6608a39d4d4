"""Measurements behind the figures in the documentation: `python -m benchmarks TOPIC`, or all of them with none."""
