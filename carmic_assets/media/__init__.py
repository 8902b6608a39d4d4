"""Reads and writes media files: probing, decoding for analysis, proxies, thumbnails and excerpts.

`containers` is the only module of Carmic that opens a media file with PyAV, and `ffmpeg` is the only one that runs
the ffmpeg program. The package is independent of clips, captions, Dagster and the database.
"""
