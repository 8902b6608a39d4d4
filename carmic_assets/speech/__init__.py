"""Sound to words and voices: transcription, who speaks when by voice, voices joined with faces, sentences.

Reads the 16 kHz mono sound that the media room wrote; never opens a video, never runs ffmpeg, never draws.
"""
