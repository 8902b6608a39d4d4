"""Computer vision: detection and tracking of people, lip motion, and the spatial matrix.

Reads the analysis copy and its audio, which the media package wrote. It never opens the source and chooses no crop.
"""
