"""Media files: opened, probed, copied, measured. Knows nothing of clips, captions, Dagster or the database.

`open` is the only module of the product that opens a file with PyAV, `ffmpeg` the only one that runs the program.
"""
