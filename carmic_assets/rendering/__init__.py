"""Rendering: an `Edit` is assembled from what the other rooms made, and drawn by one ffmpeg process.

Decides nothing about who is seen or what is said; opens no media itself and never touches the database.
"""
