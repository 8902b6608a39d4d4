"""The closed list of operations that a prompt can ask for. Refusals and the API's documentation show this list.

Light to import: holds data only.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from carmic_assets.model.timeline import Grade

Family = Literal["grade", "filter", "region", "time", "overlay", "sound"]
BoxUse = Literal["required", "optional", "refused"]


class Operation(msgspec.Struct, frozen=True):
    """One operation: what it does, what a prompt may set, and what it cannot do.

    `grade` is the change of a grade operation at strength 1. `box` says whether the operation works in a
    `bounding_box`. `examples` are prompts that ask for it.
    """

    name: str
    family: Family
    does: str
    limit: str
    box: BoxUse
    parameters: tuple[str, ...] = ()
    grade: Grade = Grade()
    examples: tuple[str, ...] = ()


def _grade(name: str, does: str, grade: Grade, *examples: str) -> Operation:
    limit = "Changes the whole picture, or the box with a soft edge; it does not find objects."
    return Operation(name, "grade", does, limit, "optional", ("strength",), grade, examples)


_WHOLE = "Changes the whole picture only."

OPERATIONS: tuple[Operation, ...] = (
    _grade("brighter", "Brightens the picture.", Grade(brightness=0.16, gamma=0.12), "make it brighter"),
    _grade("darker", "Darkens the picture.", Grade(brightness=-0.16, gamma=-0.12), "make it darker"),
    _grade("more_contrast", "Raises the contrast.", Grade(contrast=0.35), "add contrast"),
    _grade("less_contrast", "Lowers the contrast.", Grade(contrast=-0.35), "softer contrast"),
    _grade("more_saturation", "Makes colours stronger.", Grade(saturation=0.4), "make the colours pop"),
    _grade("less_saturation", "Makes colours weaker.", Grade(saturation=-0.4), "mute the colours"),
    _grade("black_and_white", "Removes all colour.", Grade(saturation=-1.0), "black and white"),
    _grade("warmer", "Shifts colours to orange.", Grade(temperature=0.5), "make it warmer"),
    _grade("cooler", "Shifts colours to blue.", Grade(temperature=-0.5), "make it cooler"),
    _grade(
        "cinematic",
        "More contrast, weaker and slightly warm colours, deeper shadows.",
        Grade(brightness=-0.03, contrast=0.25, saturation=-0.15, temperature=0.15),
        "cinematic look",
    ),
    _grade(
        "vintage",
        "Faded contrast, weak warm colours.",
        Grade(brightness=0.04, contrast=-0.2, saturation=-0.35, temperature=0.45, gamma=0.1),
        "vintage look",
    ),
    _grade(
        "moody",
        "Dark, cool and weakly coloured.",
        Grade(brightness=-0.12, contrast=0.15, saturation=-0.3, temperature=-0.25),
        "dark and moody",
    ),
    Operation(
        "sepia", "filter", "Turns the picture into brown tones.", "A fixed tone.", "optional", ("strength",),
        examples=("sepia tone",),
    ),
    Operation(
        "vignette", "filter", "Darkens the corners.", _WHOLE, "refused", ("strength",), examples=("add a vignette",)
    ),
    Operation(
        "grain", "filter", "Adds film grain.", "The same grain at each render.", "optional", ("strength",),
        examples=("add film grain",),
    ),
    Operation(
        "denoise", "filter", "Removes noise and grain from the picture.", "Strong denoising softens fine detail.",
        "optional", ("strength",), examples=("reduce the noise",),
    ),
    Operation(
        "sharpen", "filter", "Sharpens edges.", "Cannot restore what is out of focus.", "optional", ("strength",),
        examples=("sharpen it",),
    ),
    Operation(
        "deflicker", "filter", "Evens out changes of brightness.", _WHOLE, "refused", examples=("remove the flicker",)
    ),
    Operation(
        "mirror", "filter", "Flips the picture left to right.", _WHOLE, "refused", examples=("flip it horizontally",)
    ),
    Operation(
        "stabilise", "filter", "Steadies a shaky camera.", "Crops the edges by up to a tenth; " + _WHOLE.lower(),
        "refused", ("strength",), examples=("stabilise the shot",),
    ),
    Operation(
        "zoom_in", "filter", "Enlarges a place of the picture; slowly, where the prompt says so.",
        "Enlarging adds no detail. A box is the place to zoom on; the whole picture changes.", "optional",
        ("factor", "place", "gradual"),
        examples=("zoom in 1.5x on the left",),
    ),
    Operation(
        "blur", "region", "Blurs the picture, or the box and what moves with it.",
        "Fails where the tracked object is lost for too long.", "optional", ("strength", "target"),
        examples=("blur the licence plate",),
    ),
    Operation(
        "pixelate", "region", "Pixelates the picture, or the box and what moves with it.",
        "Fails where the tracked object is lost for too long.", "optional", ("strength", "target"),
        examples=("pixelate the logo",),
    ),
    Operation(
        "blur_faces", "region", "Blurs or pixelates every face it finds.",
        "Faces seen from behind or smaller than 1/20 of the picture's height are not found.", "optional",
        ("strength", "style"), examples=("blur all faces",),
    ),
    Operation(
        "background_blur", "region", "Blurs what is behind the person.",
        "Needs a face and a plain setting; it fails where the outline is uncertain.", "refused", ("strength",),
        examples=("blur the background",),
    ),
    Operation(
        "remove", "region", "Removes what is in the box and fills in the background.",
        "Good for what moves; a background that is never visible is only guessed from its surroundings.", "required",
        ("target",), examples=("remove the man",),
    ),
    Operation(
        "recolour", "region", "Gives the main colour in the box another hue.",
        "A colour key, not an outline; white, black and grey have no hue to turn.", "required", ("colour", "target"),
        examples=("make the car red",),
    ),
    Operation(
        "slow_motion", "time", "Slows down; frames in between are interpolated.",
        "Fast motion can smear. Sound is stretched. " + _WHOLE, "refused", ("factor",), examples=("slow motion",),
    ),
    Operation(
        "speed_up", "time", "Plays faster.", "Sound is sped up at the same pitch. " + _WHOLE, "refused", ("factor",),
        examples=("speed it up 2x",),
    ),
    Operation("reverse", "time", "Plays backwards.", _WHOLE, "refused", examples=("play it backwards",)),
    Operation(
        "freeze", "time", "Holds one frame.", "Silent while it holds. " + _WHOLE, "refused", ("at_s", "duration_s"),
        examples=("freeze the last frame for 2 seconds",),
    ),
    Operation(
        "title", "overlay", "Shows a text over the picture.", "The text must stand in quotes.", "refused",
        ("text", "place", "duration_s"), examples=('add a title "Hello"',),
    ),
    Operation(
        "fade_in", "overlay", "Fades in picture and sound.", _WHOLE, "refused", ("duration_s", "colour"),
        examples=("fade in from black",),
    ),
    Operation(
        "fade_out", "overlay", "Fades out picture and sound.", _WHOLE, "refused", ("duration_s", "colour"),
        examples=("fade out to black",),
    ),
    Operation("mute", "sound", "Silences the sound.", "All of it.", "refused", examples=("mute the audio",)),
    Operation(
        "louder", "sound", "Raises the volume.", "A limiter keeps peaks below full scale.", "refused",
        ("strength", "factor"), examples=("make it louder",),
    ),
    Operation(
        "quieter", "sound", "Lowers the volume.", "All of the sound.", "refused", ("strength", "factor"),
        examples=("turn the volume down",),
    ),
    Operation(
        "clean_voice", "sound", "Reduces hum and steady noise behind a voice.",
        "Cannot separate voices or remove music.", "refused", ("strength",), examples=("clean up the audio",),
    ),
)  # fmt: skip

BY_NAME = {operation.name: operation for operation in OPERATIONS}
