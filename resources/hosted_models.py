"""Hosted models for AI edits: fal edits a region by a mask video, Runway the whole picture.

The addresses of the services are the operator's settings. What a service returns is not: its results are downloaded
under the outbound policy, and its key is sent to no other origin than the configured one.

Protocols: fal queue (https://docs.fal.ai/model-endpoints/queue), Runway API version 2024-11-06.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from resources.outbound import AddressRefusedError, OutboundPolicy
from resources.settings import Settings

Service = Literal["fal", "runway"]
RUNWAY_VERSION = "2024-11-06"
RUNWAY_MAX_PROMPT_LETTERS = 1000
MAX_LENGTH_S: dict[Service, float] = {"fal": 60.0, "runway": 30.0}
KEY_SETTINGS: dict[Service, str] = {"fal": "CARMIC_FAL_KEY", "runway": "CARMIC_RUNWAY_KEY"}
REQUEST_TIMEOUT_S = 60.0
DOWNLOAD_TIMEOUT_S = 600.0
MAX_RESPONSE_BYTES = 1_000_000
_BLOCK_BYTES = 1 << 20


class HostedModelError(Exception):
    """A hosted model did not do the edit. The message is a sentence for the client, without the service's own words."""


class EditInput(msgspec.Struct, frozen=True):
    """What a model is given: the prompt, and URLs of the video and of the mask (white where it may change)."""

    prompt: str
    video_url: str
    mask_url: str | None


class Submission(msgspec.Struct, frozen=True):
    """A request that the service has accepted."""

    request_id: str
    status_url: str
    response_url: str


class HostedModel(msgspec.Struct, frozen=True):
    """A model of a configured service. `url` is the service's base URL."""

    service: Service
    url: str
    key: str
    model: str
    outbound_allow: tuple[str, ...]

    def submit(self, edit: EditInput) -> Submission:
        """Send the request, once.

        Raises:
            HostedModelError: the service refused it, or did not answer. Then it may have accepted it.
        """
        try:
            submission = self._send(edit)
        except httpx.HTTPError as error:
            raise HostedModelError(f"{self.service} did not answer. Try again later.") from error
        for url in (submission.status_url, submission.response_url):
            if _origin(url) != _origin(self.url):
                raise HostedModelError(f"{self.service} answered with the address of another host. Try again later.")
        return submission

    def _send(self, edit: EditInput) -> Submission:
        if self.service == "fal":
            body: dict[str, Any] = {"prompt": edit.prompt, "video_url": edit.video_url, "mask_video_url": edit.mask_url}
            answer = self._exchange("POST", f"{self.url}/{self.model}", body)
            return Submission(_text(answer, "request_id"), _text(answer, "status_url"), _text(answer, "response_url"))
        body = {"model": self.model, "videoUri": edit.video_url, "promptText": edit.prompt}
        request_id = _text(self._exchange("POST", f"{self.url}/v1/video_to_video", body), "id")
        task_url = f"{self.url}/v1/tasks/{quote(request_id, safe='')}"
        return Submission(request_id, task_url, task_url)

    def poll(self, submission: Submission) -> str | None:
        """Return the URL of the result, or None while the service works on it.

        Raises:
            HostedModelError: the service could not do the edit.
            httpx.TransportError: the service cannot be reached at present.
        """
        status = self._exchange("GET", submission.status_url)
        state = status.get("status")
        if self.service == "runway":
            if state in ("PENDING", "RUNNING", "THROTTLED"):
                return None
            output = status.get("output")
            if state == "SUCCEEDED" and isinstance(output, list) and output:
                return str(output[0])
            raise HostedModelError("runway could not carry out the edit. Change the prompt or the range.")
        if state in ("IN_QUEUE", "IN_PROGRESS"):
            return None
        if state == "COMPLETED":
            video = self._exchange("GET", submission.response_url).get("video")
            if isinstance(video, dict) and isinstance(video.get("url"), str):
                return str(video["url"])
        raise HostedModelError("fal could not carry out the edit. Change the prompt, the box or the range.")

    def download(self, url: str, path: Path, max_bytes: int) -> None:
        """Download a result to `path`, under the outbound policy.

        Raises:
            HostedModelError: the address is refused, the file is too large, or the download fails.
        """
        outbound = OutboundPolicy(self.outbound_allow)
        failure = HostedModelError(f"The result of {self.service} could not be downloaded. Try again.")
        try:
            outbound.check_url(url)
            with outbound.open_client(DOWNLOAD_TIMEOUT_S) as client, client.stream("GET", url) as response:
                if response.status_code != httpx.codes.OK:
                    raise failure
                with path.open("wb") as file:
                    for block in response.iter_bytes(_BLOCK_BYTES):
                        file.write(block)
                        if file.tell() > max_bytes:
                            raise HostedModelError(f"The result of {self.service} is larger than {max_bytes} bytes.")
        except (AddressRefusedError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise failure from error

    def _exchange(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = (
            {"Authorization": f"Key {self.key}"}
            if self.service == "fal"
            else {"Authorization": f"Bearer {self.key}", "X-Runway-Version": RUNWAY_VERSION}
        )
        with httpx.Client(timeout=REQUEST_TIMEOUT_S, follow_redirects=False) as client:
            response = client.request(method, url, json=body, headers=headers)
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR and method == "GET":
            raise httpx.ReadError(f"status {response.status_code}")  # the caller polls again
        if response.status_code not in (200, 201, 202) or len(response.content) > MAX_RESPONSE_BYTES:
            raise HostedModelError(
                f"{self.service} refused the request ({response.status_code}). Change it, or try later."
            )
        try:
            return msgspec.json.decode(response.content, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise HostedModelError(f"{self.service} gave an answer that is not valid. Try again later.") from error


def open_model(settings: Settings, service: Service) -> HostedModel | None:
    """Return the service's model, or None if its key is not configured."""
    if service == "fal":
        parts = (settings.fal_url, settings.fal_key, settings.fal_edit_model)
    else:
        parts = (settings.runway_url, settings.runway_key, settings.runway_model)
    url, key, model = parts
    return HostedModel(service, url.rstrip("/"), key, model, settings.outbound_allow) if key else None


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise HostedModelError("The service's answer names no request. Try again later.")
    return value


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
