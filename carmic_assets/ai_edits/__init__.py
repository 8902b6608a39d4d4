"""Local AI edits: a prompt becomes a plan of listed operations, rendered as variants with measured scores.

Everything runs on this machine and is deterministic. A prompt that the list cannot carry out is refused.
"""
