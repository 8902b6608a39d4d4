"""A client of fal's queue. A submission is sent once: fal's own client repeats one that timed out, which bills twice.

Source: https://docs.fal.ai/model-endpoints/queue. The caller keeps the ticket, so that a resumed job only polls.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from carmic_assets.generation.errors import ErrorCode, GenerationError

TIMEOUT_S = 30.0
MAX_ANSWER_BYTES = 4 << 20
BALANCE_WORDS = "exhausted balance"
REJECTED_WORDS = ("content_policy", "safety", "nsfw", "moderation")
FILE_WORDS = ("file_download", "image_load", "audio_load", "file_too_large", "unsupported")


class Ticket(msgspec.Struct, frozen=True):
    """A request in fal's queue, with the addresses that fal gave for it."""

    request_id: str
    status_url: str
    response_url: str
    cancel_url: str


class NotSentError(Exception):
    """The submission was certainly not accepted, and may be sent again after `retry_after_s`."""

    def __init__(self, reason: str, retry_after_s: float) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class ExhaustedBalanceError(GenerationError):
    """The account at the provider has no money left."""

    def __init__(self, detail: str) -> None:
        super().__init__("PROVIDER_ACCOUNT", detail)


class FalQueue:
    """Calls the queue at `base_url` with one key. It follows no redirect: the key is sent to no other address."""

    def __init__(self, base_url: str, key: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Key {key}"}

    def submit(self, endpoint: str, arguments: dict[str, Any]) -> Ticket:
        """Post a request, once.

        Raises:
            NotSentError: no connection, or a 429.
            GenerationError: it was refused, or no answer tells whether it was accepted.
        """
        try:
            response = self._request("POST", f"{self.base_url}/{endpoint}", json=arguments)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSentError(f"no connection: {error}", 2.0) from error
        except httpx.HTTPError as error:
            raise GenerationError("PROVIDER_UNAVAILABLE", f"no answer to a submission: {error!r}") from error
        if response.status_code == 429:
            wait = response.headers.get("retry-after", "")
            raise NotSentError("429", min(float(wait), 60.0) if wait.isdigit() else 5.0)
        _raise_for_status(response)
        try:
            ticket = msgspec.json.decode(response.content, type=Ticket)
        except msgspec.MsgspecError as error:
            raise GenerationError("PROVIDER_UNAVAILABLE", f"a submission was answered by {error}") from error
        self._check_origin(ticket)
        return ticket

    def get_status(self, ticket: Ticket) -> str | None:
        """Return IN_QUEUE, IN_PROGRESS or COMPLETED; None if the provider does not answer at present.

        Raises:
            GenerationError: the provider does not know the request, or refuses the account.
        """
        response = self._read(ticket.status_url)
        if response is None:
            return None
        try:
            status = msgspec.json.decode(response.content, type=dict[str, Any]).get("status")
        except msgspec.MsgspecError:
            return None
        return str(status)

    def get_result(self, ticket: Ticket) -> dict[str, Any] | None:
        """Return the result of a completed request; None if the provider does not answer at present.

        Raises:
            GenerationError: the request failed at the provider.
        """
        response = self._read(ticket.response_url)
        try:
            return None if response is None else msgspec.json.decode(response.content, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise GenerationError("PROVIDER_UNAVAILABLE", f"the result is not JSON: {error}") from error

    def cancel(self, ticket: Ticket) -> None:
        """Ask the provider to cancel. A failure changes nothing: the job has ended anyway."""
        try:
            self._request("PUT", ticket.cancel_url)
        except httpx.HTTPError:
            return

    def _read(self, url: str) -> httpx.Response | None:
        try:
            response = self._request("GET", url)
        except httpx.HTTPError:
            return None
        if response.status_code == 429 or response.status_code >= 500:
            return None
        _raise_for_status(response)
        return response

    def _request(self, method: str, url: str, json: object = None) -> httpx.Response:
        """Send one request, and read at most `MAX_ANSWER_BYTES` of the answer."""
        with (
            httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client,
            client.stream(method, url, headers=self._headers, json=json) as response,
        ):
            body = b""
            for block in response.iter_bytes():
                body += block
                if len(body) > MAX_ANSWER_BYTES:
                    raise httpx.ReadError("the answer is too long")
            return httpx.Response(response.status_code, headers=_plain(response.headers), content=body)

    def _check_origin(self, ticket: Ticket) -> None:
        """Raise GenerationError unless the addresses are on the queue's own host, because they get the key."""
        expected = urlsplit(self.base_url)[:2]
        for url in (ticket.status_url, ticket.response_url, ticket.cancel_url):
            if urlsplit(url)[:2] != expected:
                raise GenerationError("PROVIDER_UNAVAILABLE", f"the provider named an address elsewhere: {url[:200]}")


def _plain(headers: httpx.Headers) -> dict[str, str]:
    """The body is decoded already."""
    return {
        name: value for name, value in headers.items() if name.lower() not in ("content-encoding", "content-length")
    }


def _raise_for_status(response: httpx.Response) -> None:
    status, text = response.status_code, response.text[:2000]
    if status < 300:
        return
    if status in (401, 403):
        error = ExhaustedBalanceError if BALANCE_WORDS in text.lower() else None
        raise error(text) if error is not None else GenerationError("PROVIDER_ACCOUNT", f"{status}: {text}")
    raise GenerationError(_find_code(status, text.lower()), f"{status}: {text}")


def _find_code(status: int, text: str) -> ErrorCode:
    if any(word in text for word in REJECTED_WORDS):
        return "CONTENT_REJECTED"
    if any(word in text for word in FILE_WORDS):
        return "INPUT_UNREADABLE"
    return "INTERNAL" if status in (400, 422) else "PROVIDER_UNAVAILABLE"
