"""Rendering: assembles an `Edit` from the artifacts of the other packages and renders it with one ffmpeg process.

The subjects of each shot come from `direction`, the caption text from `captions`. No module here uses the database.
"""
