"""Speech analysis: transcription, diarisation, assignment of speakers to faces, and sentence boundaries.

Reads the 16 kHz mono audio that the media package wrote. It opens no video and runs no ffmpeg.
"""
