"""Captions: from an `Edit` to what is drawn over the picture (ASS, colour pictures) and written beside it (SRT, VTT).

Never opens media, never runs ffmpeg, never reads the environment: a cache folder is handed in. All times that leave
this room are on the output clock; all positions are pixels of the canvas.
"""
