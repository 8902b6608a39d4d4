"""A language model rates clips over real HTTP; no response of it fails a run."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import pytest

from carmic_assets.model.chosen_clips import ScoredClip, ScoredClips
from carmic_assets.model.speech import Transcript, Word
from carmic_assets.scoring.brief import Brief
from carmic_assets.scoring.llm import Endpoint, Refinement, refine_clips

Protocol = Literal["openai", "gemini"]

WORDS = tuple(Word(f"word{i}", i * 0.5, i * 0.5 + 0.4, 1.0) for i in range(100))
TALK = Transcript("en", 1.0, "test", 50.0, 50.0, WORDS, (), ())
CLIPS = ScoredClips(
    "1",
    (ScoredClip(0, 20, "first", 80, {"hook": 1}, "It is: “a”."), ScoredClip(25, 45, "second", 60, {"hook": 2}, "b")),
    (),
    (),
)
RATINGS = {
    "clips": [
        {"id": 2, "score": 100, "title": "Better  title", "reason": "It says “word50”."},
        {"id": 1, "score": 20, "title": "Worse", "reason": "It is thin."},
    ]
}

CLOSING = threading.Event()  # ends the waits of slow responses
REQUESTS: list[tuple[str, dict[str, str], dict[str, Any]]] = []  # path, headers, body


class FakeModel(BaseHTTPRequestHandler):
    """Implements both protocols; the model name in the request selects the response."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        REQUESTS.append((self.path, dict(self.headers), body))
        model = body.get("model") or self.path.split("/models/")[1].split(":")[0]
        is_gemini = "generateContent" in self.path
        text = {
            "good": json.dumps(RATINGS),
            "fenced": "```json\n" + json.dumps(RATINGS) + "\n```",
            "prose": "Sure! I like the second one.",
            "range": json.dumps({"clips": [{"id": 1, "score": 900, "title": "t", "reason": "r"}]}),
            "unknown": json.dumps({"clips": [{"id": 7, "score": 9, "title": "t", "reason": "r"}]}),
            "twice": json.dumps({"clips": [{"id": 1, "score": 9, "title": "t", "reason": "r"}] * 2}),
            "blank": json.dumps({"clips": [{"id": 1, "score": 9, "title": " \u200b\n", "reason": "r"}]}),
            "controls": json.dumps({"clips": [{"id": 1, "score": 9, "title": "a\0b", "reason": "c\x1bd"}]}),
            "alike": json.dumps({"clips": [{"id": n, "score": 9, "title": "Same", "reason": "r"} for n in (1, 2)]}),
            "untitled": json.dumps({"clips": [{"id": 1, "score": 9, "title": "", "reason": "r"}]}),
        }.get(model, "")
        usage = {"prompt_tokens": 1000, "completion_tokens": 200}
        reply: object = {"choices": [{"message": {"role": "assistant", "content": text}}], "usage": usage}
        if is_gemini:
            counted = {"promptTokenCount": 1000, "candidatesTokenCount": 150, "thoughtsTokenCount": 50}
            reply = {"candidates": [{"content": {"parts": [{"text": text}]}}], "usageMetadata": counted}
        if model == "shape":
            reply = {"choices": "none"}
        if model == "withheld":
            reply = {"candidates": [{"finishReason": "SAFETY"}], "usageMetadata": {"promptTokenCount": 1000}}
        status = 500 if model == "broken" else 302 if model == "moved" else 200
        data = b"\xff\xfenot json" if model == "bytes" else json.dumps(reply).encode()
        if model == "huge":
            data = b"x" * 2_000_000
        if model == "slow":
            CLOSING.wait(1.5)
        try:
            if model == "heads":
                for i in range(30):
                    self.wfile.write(b"HTTP/1.0 200 OK\r\n" if i == 0 else b"x-%d: y\r\n" % i)
                    self.wfile.flush()
                    CLOSING.wait(0.1)
            self.send_response(status)
            self.send_header("location", "http://127.0.0.1:1/")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            if model == "drip":
                for i in range(30):
                    self.wfile.write(data[i : i + 1])
                    self.wfile.flush()
                    CLOSING.wait(0.1)
            self.wfile.write(data[30:] if model == "drip" else data)
        except OSError:
            pass  # the client closed the connection after its timeout

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def llm_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeModel) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        CLOSING.set()
        server.shutdown()


def refine(
    url: str,
    model: str,
    protocol: Protocol = "openai",
    frames: Mapping[int, Sequence[bytes]] | None = None,
    timeout_s: float = 5.0,
    key: str = "secret",
) -> Refinement:
    endpoint = Endpoint(protocol, url, model, key, timeout_s, input_usd_per_mtok=1.0, output_usd_per_mtok=10.0)
    return refine_clips(CLIPS, TALK, Brief(custom_instructions="be kind", video_type="podcast"), endpoint, frames)


@pytest.mark.parametrize("protocol", ["openai", "gemini"])
@pytest.mark.parametrize("model", ["good", "fenced"])
def test_ratings_change_order_titles_and_reasons(llm_url: str, protocol: Protocol, model: str) -> None:
    refinement = refine(llm_url, model, protocol)
    assert refinement.failure is None
    assert [clip.title for clip in refinement.scored_clips.clips] == ["Better title", "Worse"]
    assert [clip.score for clip in refinement.scored_clips.clips] == [80, 50]
    assert [(clip.start_s, clip.end_s) for clip in refinement.scored_clips.clips] == [(25, 45), (0, 20)]
    assert refinement.scored_clips.clips[0].breakdown == {"hook": 2, "model": 100}
    assert (refinement.input_tokens, refinement.output_tokens, refinement.cost_usd) == (1000, 200, 0.003)


@pytest.mark.parametrize(
    "model",
    ["prose", "range", "unknown", "twice", "untitled", "blank", "shape", "broken", "moved", "bytes", "huge", "empty"],
)
def test_an_unusable_response_changes_nothing(llm_url: str, model: str) -> None:
    refinement = refine(llm_url, model)
    assert refinement.scored_clips is CLIPS
    assert refinement.failure
    assert "secret" not in refinement.failure


def test_cost_of_an_unusable_response_is_recorded(llm_url: str) -> None:
    assert refine(llm_url, "prose").cost_usd == 0.003
    assert refine(llm_url, "withheld", "gemini").cost_usd == 0.001


def test_control_characters_and_duplicate_titles_are_removed(llm_url: str) -> None:
    changed = refine(llm_url, "controls").scored_clips.clips[1]
    assert (changed.title, changed.reasoning) == ("a b", "c d")
    assert sorted(clip.title for clip in refine(llm_url, "alike").scored_clips.clips) == ["Same", "second"]


def test_a_key_that_no_header_can_hold_is_a_failure(llm_url: str) -> None:
    refinement = refine(llm_url, "good", key="sk-…")
    assert refinement.scored_clips is CLIPS
    assert refinement.failure


@pytest.mark.parametrize("model", ["slow", "heads", "drip"])
def test_timeout(llm_url: str, model: str) -> None:
    started = time.monotonic()
    refinement = refine(llm_url, model, timeout_s=0.5)
    assert refinement.scored_clips is CLIPS
    assert refinement.failure is not None
    assert "within 0.5 s" in refinement.failure
    assert time.monotonic() - started < 2.5


def test_connection_refused() -> None:
    refinement = refine("http://127.0.0.1:1/v1", "good")
    assert refinement.scored_clips is CLIPS
    assert refinement.failure is not None
    assert "could not be reached" in refinement.failure


def test_frames_are_sent_to_gemini_only(llm_url: str) -> None:
    frames = {0: [b"\xff\xd8jpeg"], 1: [b"\xff\xd8other", b"\xff\xd8third"]}
    REQUESTS.clear()
    assert refine(llm_url, "good", "gemini", frames).frames_sent == 3
    assert refine(llm_url, "good", "openai", frames).frames_sent == 0
    (path, headers, body), (_, _, plain) = REQUESTS
    assert path == "/v1/models/good:generateContent"
    assert headers["x-goog-api-key"] == "secret"
    sent_frames = [part["inline_data"]["data"] for part in body["contents"][0]["parts"] if "inline_data" in part]
    assert [base64.b64decode(data) for data in sent_frames] == [b"\xff\xd8jpeg", b"\xff\xd8other", b"\xff\xd8third"]
    assert "image" not in json.dumps(plain)
    prompt = plain["messages"][0]["content"]
    assert "be kind" in prompt
    assert "word0 word1" in prompt
