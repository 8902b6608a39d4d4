"""Measures the selection of clips on written talks with planted highlights: `python -m benchmarks.clip_selection`."""
