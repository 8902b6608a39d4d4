"""Computer vision: detection and tracking of people, lip motion, and the spatial matrix.

The package reads the analysis copy and its audio, which the media package wrote. It does not open the source.
"""
