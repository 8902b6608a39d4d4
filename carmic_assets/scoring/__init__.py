"""Which parts of a talk stand on their own as clips, and why.

Pure: a transcript and stored features in, scored clips out. Never opens media, never reads settings, and talks to the
network only in `llm`, which the default path does not use.
"""
