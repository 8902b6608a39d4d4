"""The timeline editor's engine: edits of segments, the frame clock, colour grades, previews and exports.

Pure functions over `model.timeline`, and ffmpeg filter graphs. The package uses neither the database nor HTTP.
"""
