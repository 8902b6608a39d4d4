"""The timeline editor's engine: edits of segments, the frame clock, colour grades, previews and exports.

Pure functions over `model.timeline`, and ffmpeg graphs built on those of `media`. Knows neither the database nor HTTP.
"""
