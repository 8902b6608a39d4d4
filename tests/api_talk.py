"""An analysed video of two people who talk: its artifacts in a server's store, and one clip in its database."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import httpx
import msgspec
from PIL import Image

from api_server import Member
from carmic_assets.media import ffmpeg
from carmic_assets.model.media import AudioFacts, FrameRate, SourceFacts, VideoFacts
from carmic_assets.model.scene import Scene, SceneTrack
from carmic_assets.model.speech import Speakers, Transcript, Turn, Word
from resources import artifacts, clips, projects

LENGTH_S = 120.0
START_S, END_S = 20.0, 50.0
RATE = FrameRate(25, 1)


def create_analysed_project(member: Member, **columns: object) -> tuple[projects.Project, clips.Clip]:
    """Create a project at CLIPS_READY with its artifacts and one clip from 20 to 50 s."""
    project = member.create_project(
        status="CLIPS_READY", progress=100, current_step="Clips ready", visual_pipeline_ready=True, duration_s=LENGTH_S
    )
    turns = (Turn(0.0, 60.0, "A", 1), Turn(60.0, LENGTH_S, "B", 2))
    words = tuple(Word(f"word{n}", n * 0.5, n * 0.5 + 0.4, 0.9) for n in range(int(LENGTH_S * 2)))
    words = tuple(msgspec.structs.replace(w, text="money!") if n == 60 else w for n, w in enumerate(words))
    values: dict[str, Any] = {
        artifacts.SOURCE_FACTS: _facts(),
        artifacts.TRANSCRIPT: Transcript("en", 0.99, "tiny.en", LENGTH_S, LENGTH_S, words, turns, ((0.0, LENGTH_S),)),
        artifacts.SPEAKERS: Speakers(turns, {"A": (1,), "B": (2,)}),
        artifacts.SCENE: _scene(turns),
    }
    store = member.server.platform.store
    for name, value in values.items():
        encode = msgspec.msgpack.encode if name.endswith(".msgpack") else msgspec.json.encode
        store.put_bytes(artifacts.artifact_key(member.workspace_id, project.id, name), encode(value))
    store.put_bytes(project.object_key, b"the source itself")
    new = clips.NewClip(
        title="The best moment",
        start_s=START_S,
        end_s=END_S,
        virality_score=87,
        score_breakdown={"hook": 80, "pace": 90},
        reasoning="It begins with a question.",
        hashtags=["#talk"],
        broll_suggestions=[{"keyword": "money", "start_time": 10.0, "duration": 3.0}],
    )
    with member.server.database.write() as connection:
        (clip_id,) = clips.add(connection, project.id, member.workspace_id, [new])
        clip = clips.get(connection, clip_id)
    assert clip is not None
    return project, clip


def add_proxy(member: Member, project: projects.Project, folder: Path) -> None:
    """Store a proxy of one colour, blue (32, 96, 160), that is long enough for the clip."""
    path = folder / "proxy.mp4"
    blue = ffmpeg.Input("color=0x2060a0:s=1280x720:r=25:d=22,format=yuv420p", format="lavfi")
    ffmpeg.run(ffmpeg.build_command([blue], ["-c:v", "libx264", "-g", "50", "-movflags", "+faststart", str(path)]))
    key = artifacts.artifact_key(member.workspace_id, project.id, artifacts.PROXY)
    member.server.platform.store.put_file(key, path, "video/mp4")
    with member.server.database.write() as connection:
        projects.update_details(connection, project.id, proxy_key=key)


def shows_proxy(url: str, size: tuple[int, int]) -> bool:
    """Tell whether the URL serves a JPEG of `size` whose middle is the proxy's blue."""
    response = httpx.get(url)
    with Image.open(io.BytesIO(response.content)) as picture:
        middle = picture.convert("RGB").getpixel((size[0] // 2, size[1] // 2))
        same = all(abs(a - b) <= 6 for a, b in zip(middle, (32, 96, 160), strict=True))  # type: ignore[arg-type]
        return response.headers["content-type"] == "image/jpeg" and picture.size == size and same


def _facts() -> SourceFacts:
    video = VideoFacts(
        index=0, codec="h264", width=1920, height=1080, coded_width=1920, coded_height=1080, rotation=0, mirrored=False,
        sar_num=1, sar_den=1, rate=RATE, variable_rate=False, pix_fmt="yuv420p", color_range="tv", color_matrix="bt709",
        color_transfer="bt709", color_primaries="bt709", hdr=False, start_s=0.0, duration_s=LENGTH_S,
    )  # fmt: skip
    audio = AudioFacts(1, "aac", 48000, 2, 0.0, LENGTH_S)
    return SourceFacts("0" * 64, 1000, "mp4", LENGTH_S, 0.0, video, audio)


def _scene(turns: tuple[Turn, ...]) -> Scene:
    times = tuple(n / 5 for n in range(int(LENGTH_S * 5)))

    def track(number: int, x: float) -> SceneTrack:
        same = tuple([x] * len(times)), tuple([0.2] * len(times)), tuple([0.12] * len(times)), tuple([0.2] * len(times))
        return SceneTrack(number, "face", times, *same, tuple([0.9] * len(times)), tuple([0.5] * len(times)))

    return Scene(
        width=1920, height=1080, rate=RATE, fps=5.0, start_s=0.0, end_s=LENGTH_S, cuts_s=(35.0,),
        tracks=(track(1, 0.2), track(2, 0.7)), turns=turns, people={"A": (1,), "B": (2,)}, detector="made",
    )  # fmt: skip
