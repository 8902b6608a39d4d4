"""Plain data that the rooms of the pipeline pass to one another: Structs only, no work, no heavy import.

Clocks. *Source clock*: seconds since the first moment of the source file (its container start time is subtracted).
*Clip clock*: source clock minus the clip's `start_s`. *Output clock*: the clip clock with removed pauses closed up.
Boxes are fractions (0..1) of the upright source frame: rotation and pixel aspect are already undone.
"""
