"""Data structures that the pipeline's packages pass to one another: msgspec Structs without behaviour.

Nothing here imports a heavy library. Many of these Structs are stored as artifacts (msgpack or JSON), so their
field names are part of a file format.

Clocks:
    Source clock: seconds since the first moment of the source file (the container's start time is subtracted).
    Clip clock: source clock minus the clip's `start_s`.
    Output clock: seconds of the rendered clip, that is the clip clock without the removed pauses.

Boxes are fractions (0..1) of the upright source frame: rotation and pixel aspect ratio are already applied.
"""
