"""Computer vision: who is where, and whose mouth moves. Detection, tracking, lip motion, the spatial matrix.

Reads the analysis copy and its audio, which the media package wrote. It never opens the source and chooses no crop.
"""
