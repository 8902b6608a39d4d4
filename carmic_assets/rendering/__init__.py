"""Rendering: assembles an `Edit` from the artifacts of the other packages and renders it with one ffmpeg process.

The package takes no decisions about subjects or text, and it never touches the database.
"""
