"""Speech analysis: transcription, diarisation, assignment of speakers to faces, and sentence boundaries.

The package reads the 16 kHz mono audio that the media package wrote. It does not open videos or run ffmpeg.
"""
