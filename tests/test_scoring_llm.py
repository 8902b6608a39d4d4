"""The language model is asked over real HTTP, and whatever it answers, a run goes on."""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from carmic_assets.model.clips import ScoredClip, ScoredClips
from carmic_assets.model.speech import Transcript, Word
from carmic_assets.scoring.brief import Brief
from carmic_assets.scoring.llm import Endpoint, refine

WORDS = tuple(Word(f"word{i}", i * 0.5, i * 0.5 + 0.4, 1.0) for i in range(100))
TALK = Transcript("en", 1.0, "test", 50.0, 50.0, WORDS, (), ())
CLIPS = ScoredClips(
    "1",
    (ScoredClip(0, 20, "first", 80, {"hook": 1}, "It is: “a”."), ScoredClip(25, 45, "second", 60, {"hook": 2}, "b")),
    (),
    (),
)
OPINION = {
    "clips": [
        {"id": 2, "score": 100, "title": "Better  title", "reason": "It says “word50”."},
        {"id": 1, "score": 20, "title": "Worse", "reason": "It is thin."},
    ]
}


ASKED: list[tuple[str, dict, dict]] = []


class Model(BaseHTTPRequestHandler):
    """Speaks both protocols; the model's name in the request says how to misbehave."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        ASKED.append((self.path, dict(self.headers), body))
        how = body.get("model") or self.path.split("/models/")[1].split(":")[0]
        gemini = "generateContent" in self.path
        text = {
            "good": json.dumps(OPINION),
            "fenced": "```json\n" + json.dumps(OPINION) + "\n```",
            "prose": "Sure! I like the second one.",
            "range": json.dumps({"clips": [{"id": 1, "score": 900, "title": "t", "reason": "r"}]}),
            "unknown": json.dumps({"clips": [{"id": 7, "score": 9, "title": "t", "reason": "r"}]}),
            "twice": json.dumps({"clips": [{"id": 1, "score": 9, "title": "t", "reason": "r"}] * 2}),
            "blank": json.dumps({"clips": [{"id": 1, "score": 9, "title": " \u200b\n", "reason": "r"}]}),
            "controls": json.dumps({"clips": [{"id": 1, "score": 9, "title": "a\0b", "reason": "c\x1bd"}]}),
            "alike": json.dumps({"clips": [{"id": n, "score": 9, "title": "Same", "reason": "r"} for n in (1, 2)]}),
            "untitled": json.dumps({"clips": [{"id": 1, "score": 9, "title": "", "reason": "r"}]}),
        }.get(how, "")
        usage = {"prompt_tokens": 1000, "completion_tokens": 200}
        reply: object = {"choices": [{"message": {"role": "assistant", "content": text}}], "usage": usage}
        if gemini:
            counted = {"promptTokenCount": 1000, "candidatesTokenCount": 150, "thoughtsTokenCount": 50}
            reply = {"candidates": [{"content": {"parts": [{"text": text}]}}], "usageMetadata": counted}
        if how == "shape":
            reply = {"choices": "none"}
        if how == "withheld":
            reply = {"candidates": [{"finishReason": "SAFETY"}], "usageMetadata": {"promptTokenCount": 1000}}
        status = 500 if how == "broken" else 302 if how == "moved" else 200
        data = b"\xff\xfenot json" if how == "bytes" else json.dumps(reply).encode()
        if how == "huge":
            data = b"x" * 2_000_000
        if how == "slow":
            time.sleep(1.5)
        try:
            if how == "heads":
                for i in range(30):
                    self.wfile.write(b"HTTP/1.0 200 OK\r\n" if i == 0 else b"x-%d: y\r\n" % i)
                    self.wfile.flush()
                    time.sleep(0.1)
            self.send_response(status)
            self.send_header("location", "http://127.0.0.1:1/")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            if how == "drip":
                for i in range(30):
                    self.wfile.write(data[i : i + 1])
                    self.wfile.flush()
                    time.sleep(0.1)
            self.wfile.write(data[30:] if how == "drip" else data)
        except OSError:
            pass  # the client hung up, as it should

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Model) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/v1"
        running.shutdown()


def ask(url: str, model: str, protocol="openai", frames=None, timeout_s=5.0, key="secret"):
    endpoint = Endpoint(protocol, url, model, key, timeout_s, input_price=1.0, output_price=10.0)
    return refine(CLIPS, TALK, Brief(custom_instructions="be kind", video_type="podcast"), endpoint, frames)


@pytest.mark.parametrize("protocol", ["openai", "gemini"])
@pytest.mark.parametrize("model", ["good", "fenced"])
def test_order_titles_and_reasons_follow_the_model(server, protocol, model):
    got = ask(server, model, protocol)
    assert got.failure is None
    assert [clip.title for clip in got.scored.clips] == ["Better title", "Worse"]
    assert [clip.score for clip in got.scored.clips] == [80, 50]
    assert [(clip.start_s, clip.end_s) for clip in got.scored.clips] == [(25, 45), (0, 20)]
    assert got.scored.clips[0].breakdown == {"hook": 2, "model": 100}
    assert (got.input_tokens, got.output_tokens, got.cost_usd) == (1000, 200, 0.003)


@pytest.mark.parametrize(
    "model",
    ["prose", "range", "unknown", "twice", "untitled", "blank", "shape", "broken", "moved", "bytes", "huge", "empty"],
)
def test_a_wrong_answer_leaves_the_choice_as_it_was(server, model):
    got = ask(server, model)
    assert got.scored is CLIPS
    assert got.failure
    assert "secret" not in got.failure


def test_what_a_wrong_answer_cost_is_recorded(server):
    assert ask(server, "prose").cost_usd == 0.003
    assert ask(server, "withheld", "gemini").cost_usd == 0.001


def test_no_text_of_the_model_can_break_a_row_and_no_two_titles_are_alike(server):
    changed = ask(server, "controls").scored.clips[1]
    assert (changed.title, changed.reasoning) == ("a b", "c d")
    assert sorted(clip.title for clip in ask(server, "alike").scored.clips) == ["Same", "second"]


def test_a_key_that_cannot_be_sent_is_a_failure_like_any_other(server):
    got = ask(server, "good", key="sk-…")
    assert got.scored is CLIPS
    assert got.failure


@pytest.mark.parametrize("model", ["slow", "heads", "drip"])
def test_no_answer_in_time(server, model):
    started = time.monotonic()
    got = ask(server, model, timeout_s=0.5)
    assert got.scored is CLIPS
    assert "within 0.5 s" in got.failure
    assert time.monotonic() - started < 2.5


def test_nobody_there():
    got = ask("http://127.0.0.1:1/v1", "good")
    assert got.scored is CLIPS
    assert "could not be reached" in got.failure


def test_frames_go_to_gemini_only(server):
    frames = {0: [b"\xff\xd8jpeg"], 1: [b"\xff\xd8other", b"\xff\xd8third"]}
    ASKED.clear()
    assert ask(server, "good", "gemini", frames).frames == 3
    assert ask(server, "good", "openai", frames).frames == 0
    (path, headers, body), (_, _, plain) = ASKED
    assert path == "/v1/models/good:generateContent"
    assert headers["x-goog-api-key"] == "secret"
    sent = [part["inline_data"]["data"] for part in body["contents"][0]["parts"] if "inline_data" in part]
    assert [base64.b64decode(data) for data in sent] == [b"\xff\xd8jpeg", b"\xff\xd8other", b"\xff\xd8third"]
    assert "image" not in json.dumps(plain)
    prompt = plain["messages"][0]["content"]
    assert "be kind" in prompt
    assert "word0 word1" in prompt
