"""Selects the parts of a talk (the speech of a video) that are understandable alone, and explains each choice.

Input: a transcript and stored features. Output: scored clips. The package does not open video files and does not read
settings. Only `audio_features` reads a file (the analysis audio) and only `llm`, which is off by default, uses the
network.
"""
