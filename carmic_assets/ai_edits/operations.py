"""The closed list of operations that a prompt can ask for. Refusals name operations of this list.

The module holds data only and imports nothing heavy.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from carmic_assets.model.timeline import Grade

Family = Literal["grade", "filter", "region", "time", "overlay", "sound"]
BoxUse = Literal["required", "optional", "refused"]


class Operation(msgspec.Struct, frozen=True):
    """One operation: its effect, the parameters that a prompt may set, and its limits.

    `grade` is the change of a grade operation at strength 1. `box` says whether a `bounding_box` is required, optional
    or refused. `examples` are prompts that select the operation.
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
    limit = "Changes the full frame, or the box with a soft edge. Does not recognise or follow objects."
    return Operation(name, "grade", does, limit, "optional", ("strength",), grade, examples)


_NO_BOX = "Changes the full frame only."

OPERATIONS: tuple[Operation, ...] = (
    _grade("brighter", "Brightens the frame.", Grade(brightness=0.16, gamma=0.12), "make it brighter"),
    _grade("darker", "Darkens the frame.", Grade(brightness=-0.16, gamma=-0.12), "make it darker"),
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
        "sepia", "filter", "Converts the frame to brown tones.", "The tone is fixed.", "optional", ("strength",),
        examples=("sepia tone",),
    ),
    Operation(
        "vignette", "filter", "Darkens the corners.", _NO_BOX, "refused", ("strength",), examples=("add a vignette",)
    ),
    Operation(
        "grain", "filter", "Adds film grain.", "The grain is identical in every render.", "optional", ("strength",),
        examples=("add film grain",),
    ),
    Operation(
        "denoise", "filter", "Removes noise and grain from the frame.", "Strong denoising softens fine detail.",
        "optional", ("strength",), examples=("reduce the noise",),
    ),
    Operation(
        "sharpen", "filter", "Sharpens edges.", "Does not restore detail that is out of focus.", "optional",
        ("strength",), examples=("sharpen it",),
    ),
    Operation(
        "deflicker", "filter", "Evens out changes of brightness.", _NO_BOX, "refused", examples=("remove the flicker",)
    ),
    Operation(
        "mirror", "filter", "Flips the frame left to right.", _NO_BOX, "refused", examples=("flip it horizontally",)
    ),
    Operation(
        "stabilise", "filter", "Steadies a shaky camera.", "Crops the edges by up to a tenth; " + _NO_BOX.lower(),
        "refused", ("strength",), examples=("stabilise the shot",),
    ),
    Operation(
        "zoom_in", "filter", "Enlarges a part of the frame, gradually if the prompt says so.",
        "Enlarging adds no detail. The zoom is centred on the box; the full frame changes.", "optional",
        ("factor", "place", "gradual"),
        examples=("zoom in 1.5x on the left",),
    ),
    Operation(
        "reframe", "filter", "Crops to another aspect ratio; the crop follows the box or the largest face.",
        "Keeps one subject in the frame. The project's canvas keeps its size; change it by PATCH.", "optional",
        ("aspect",), examples=("reframe to 9:16",),
    ),
    Operation(
        "blur", "region", "Blurs the frame, or the box and the object in it.",
        "Fails if the tracked object is lost for more than 0.8 s.", "optional", ("strength", "target"),
        examples=("blur the licence plate",),
    ),
    Operation(
        "pixelate", "region", "Pixelates the frame, or the box and the object in it.",
        "Fails if the tracked object is lost for more than 0.8 s.", "optional", ("strength", "target"),
        examples=("pixelate the logo",),
    ),
    Operation(
        "blur_faces", "region", "Blurs or pixelates every detected face.",
        "Does not detect heads seen from behind, or faces smaller than 1/20 of the frame's height.", "optional",
        ("strength", "style"), examples=("blur all faces",),
    ),
    Operation(
        "background_blur", "region", "Blurs the background behind the person.",
        "Needs a visible face and a plain background; fails if the person's outline is uncertain.", "refused",
        ("strength",),
        examples=("blur the background",),
    ),
    Operation(
        "remove", "region", "Removes the object in the box and fills in the background.",
        "Works best for moving objects. Background that is never visible is inpainted from its surroundings.",
        "required",
        ("target",), examples=("remove the man",),
    ),
    Operation(
        "recolour", "region", "Changes the hue of the main colour in the box.",
        "Selects pixels by hue, not by outline. Does not recolour white, black or grey.", "required",
        ("colour", "target"),
        examples=("make the car red",),
    ),
    Operation(
        "slow_motion", "time", "Slows down; frames in between are interpolated.",
        "Fast motion can smear. Audio is stretched at the same pitch. " + _NO_BOX, "refused", ("factor",),
        examples=("slow motion",),
    ),
    Operation(
        "speed_up", "time", "Plays faster.", "Audio is sped up at the same pitch. " + _NO_BOX, "refused", ("factor",),
        examples=("speed it up 2x",),
    ),
    Operation("reverse", "time", "Plays backwards.", _NO_BOX, "refused", examples=("play it backwards",)),
    Operation(
        "freeze", "time", "Holds one frame.", "The held frame is silent. " + _NO_BOX, "refused", ("at_s", "duration_s"),
        examples=("freeze the last frame for 2 seconds",),
    ),
    Operation(
        "title", "overlay", "Shows a text over the video.", "The text must be in quotation marks.", "refused",
        ("text", "place", "duration_s"), examples=('add a title "Hello"',),
    ),
    Operation(
        "captions", "overlay", "Shows the speech as captions.",
        "Needs clear speech; the language is detected. The style is the default one.", "refused", (),
        examples=("add captions",),
    ),
    Operation(
        "fade_in", "overlay", "Fades in video and audio.", _NO_BOX, "refused", ("duration_s", "colour"),
        examples=("fade in from black",),
    ),
    Operation(
        "fade_out", "overlay", "Fades out video and audio.", _NO_BOX, "refused", ("duration_s", "colour"),
        examples=("fade out to black",),
    ),
    Operation("mute", "sound", "Mutes the audio.", "Changes the whole soundtrack.", "refused",
        examples=("mute the audio",),
    ),
    Operation(
        "louder", "sound", "Raises the volume.",
        "A limiter keeps peaks below full scale. Changes the whole soundtrack.", "refused", ("strength", "factor"),
        examples=("make it louder",),
    ),
    Operation(
        "quieter", "sound", "Lowers the volume.", "Changes the whole soundtrack.", "refused", ("strength", "factor"),
        examples=("turn the volume down",),
    ),
    Operation(
        "clean_voice", "sound", "Reduces hum and steady noise behind a voice.",
        "Cannot separate voices or remove music.", "refused", ("strength",), examples=("clean up the audio",),
    ),
)  # fmt: skip

BY_NAME = {operation.name: operation for operation in OPERATIONS}
# The operations whose region follows what is in the box.
TRACKED = frozenset({"blur", "pixelate", "remove", "recolour"})
