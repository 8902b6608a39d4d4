"""Measures the selection of clips on written talks with annotated highlights: `python -m benchmarks.clip_selection`."""
