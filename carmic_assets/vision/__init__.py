"""Who is where, and whose mouth moves: detection, tracks, lips, the spatial matrix.

Reads the small copy and the sound that the media room wrote; never opens the source, never decides on a crop.
"""
