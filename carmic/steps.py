"""The client's operations as steps: generators that yield requests and pauses, and receive responses.

They do no I/O themselves, so that the synchronous and the asynchronous client share them.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import httpx
import msgspec

from carmic.models import ApiError, CarmicError, Clip, Export, JobFailedError, Project, Session

T = TypeVar("T")
R = TypeVar("R", bound=msgspec.Struct)

BLOCK_BYTES = 8 * 1024 * 1024  # of an upload, after which an interruption costs nothing
ATTEMPTS = 6
FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 30.0
POLL_INTERVAL_S = 1.0
RETRY_STATUSES = (429, 502, 503, 504)
TUS_HEADERS = {"Tus-Resumable": "1.0.0"}


class Send(msgspec.Struct, frozen=True):
    """Send the request, and continue with its response."""

    request: httpx.Request


class Pause(msgspec.Struct, frozen=True):
    """Wait, and continue with None."""

    seconds: float


class Download(msgspec.Struct, frozen=True):
    """Write the URL's content to the path, and continue with the response, whose body was read only on an error."""

    url: str
    path: Path


Steps: TypeAlias = Generator[Send | Pause | Download, httpx.Response | None, T]
ProgressCallback: TypeAlias = Callable[[Project], object]


class Credentials(msgspec.Struct, frozen=True):
    """Where the server is, and who calls."""

    base_url: str
    key: str | None = None
    workspace_id: str | None = None

    def with_session(self, session: Session) -> Credentials:
        """Return the credentials of a logged-in user."""
        return Credentials(self.base_url, session.access, session.workspace_id)

    def build_request(self, method: str, path: str, body: Mapping[str, Any] | None, once: bool) -> httpx.Request:
        """Build a request. `once` adds an `Idempotency-Key`, so that it can be repeated."""
        headers = {"Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if self.workspace_id:
            headers["X-Workspace-ID"] = self.workspace_id
        if once:
            headers["Idempotency-Key"] = str(uuid.uuid4())
        url = f"{self.base_url.rstrip('/')}/api/v1{path}"
        return httpx.Request(method, url, headers=headers, json=None if body is None else dict(body))


def register(credentials: Credentials, email: str, password: str) -> Steps[Session]:
    """Create a user."""
    return _open_session(credentials, "/auth/register", email, password)


def log_in(credentials: Credentials, email: str, password: str) -> Steps[Session]:
    """Open a session of the user."""
    return _open_session(credentials, "/auth/login", email, password)


def _open_session(credentials: Credentials, path: str, email: str, password: str) -> Steps[Session]:
    tokens = yield from _call(credentials, "POST", path, {"email": email, "password": password})
    user = Credentials(credentials.base_url, tokens["access"])
    profile = yield from _call(user, "GET", "/me")
    return Session(tokens["access"], profile["workspaces"][0]["id"])


def upload(credentials: Credentials, path: Path, options: Mapping[str, Any]) -> Steps[Project]:
    """Create a project, upload its video, start its analysis."""
    size = path.stat().st_size
    created = yield from _call(
        credentials, "POST", "/projects/create", {"filename": path.name, "filesize": size, **options}
    )
    yield from _upload_file(created["resumable_url"], path, size)
    started = yield from _call(credentials, "POST", f"/projects/{created['project_id']}/process")
    return msgspec.convert(started, Project)


def _upload_file(url: str, path: Path, size: int) -> Steps[None]:
    """Upload by tus: after an interruption the server says where to continue."""
    offset, failures = 0, 0
    while offset < size:
        with path.open("rb") as file:
            file.seek(offset)
            block = file.read(BLOCK_BYTES)
        headers = {
            **TUS_HEADERS,
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        try:
            response = _expect((yield Send(httpx.Request("PATCH", url, headers=headers, content=block))))
        except httpx.TransportError as error:
            response = None
            failure: Exception = error
        if response is not None and response.is_success:
            offset, failures = int(response.headers["Upload-Offset"]), 0
            continue
        if response is not None:
            failure = _build_error(response)
            if response.status_code not in (409, 423, *RETRY_STATUSES):
                raise failure
        failures += 1
        if failures >= ATTEMPTS:
            raise CarmicError(f"The upload was interrupted {failures} times at {offset} of {size} bytes.") from failure
        yield Pause(_get_backoff_s(failures, response))
        head = yield from _send(lambda: httpx.Request("HEAD", url, headers=TUS_HEADERS))
        offset = int(head.headers["Upload-Offset"])


def import_url(credentials: Credentials, url: str, options: Mapping[str, Any]) -> Steps[Project]:
    """Create a project whose video the server downloads."""
    created = yield from _call(credentials, "POST", "/projects/create-from-url", {"url": url, **options})
    return (yield from get_project(credentials, created["project_id"]))


def get_project(credentials: Credentials, project_id: str) -> Steps[Project]:
    """Read the state of a project."""
    status = yield from _call(credentials, "GET", f"/projects/{project_id}/status")
    return msgspec.convert(status, Project)


def list_clips(credentials: Credentials, project_id: str) -> Steps[list[Clip]]:
    """Read the clips of a project."""
    project = yield from _call(credentials, "GET", f"/projects/{project_id}")
    return msgspec.convert(project["clips"], list[Clip])


def wait_for_clips(
    credentials: Credentials, project_id: str, timeout_s: float, on_progress: ProgressCallback | None
) -> Steps[list[Clip]]:
    """Poll until the clips are ready."""
    deadline = time.monotonic() + timeout_s
    reported = None
    while True:
        project = yield from get_project(credentials, project_id)
        if on_progress is not None and project != reported:
            on_progress(project)
            reported = project
        if project.status in ("CLIPS_READY", "COMPLETED"):
            return (yield from list_clips(credentials, project_id))
        if project.status == "CANCELLED" or project.status.startswith("FAILED"):
            raise JobFailedError(project.status, project.error_message or f"The project is {project.status}.")
        yield from _wait(deadline, f"The clips were not ready within {timeout_s:g} s; the project is {project.status}.")


def edit(credentials: Credentials, clip_id: str, changes: Mapping[str, Any]) -> Steps[Clip]:
    """Patch a clip."""
    return msgspec.convert((yield from _call(credentials, "PATCH", f"/clips/{clip_id}", changes)), Clip)


def render(credentials: Credentials, clip_id: str, timeout_s: float) -> Steps[Clip]:
    """Render a clip and poll until its MP4 is ready."""
    deadline = time.monotonic() + timeout_s
    yield from _call(credentials, "POST", f"/clips/{clip_id}/render")
    while True:
        progress = yield from _call(credentials, "GET", f"/clips/{clip_id}/render-progress")
        if progress["status"] == "RENDERED":
            return msgspec.convert((yield from _call(credentials, "GET", f"/clips/{clip_id}")), Clip)
        if progress["status"] == "FAILED_RENDER":
            raise JobFailedError("FAILED_RENDER", progress["error_message"] or "The render has failed.")
        yield from _wait(deadline, f"The render did not end within {timeout_s:g} s.")


def export(credentials: Credentials, clip_id: str, target_format: str, timeout_s: float) -> Steps[Export]:
    """Package a clip and poll until the package is ready."""
    deadline = time.monotonic() + timeout_s
    started = yield from _call(credentials, "POST", f"/clips/{clip_id}/exports", {"target_format": target_format})
    while True:
        current = msgspec.convert((yield from _call(credentials, "GET", f"/exports/{started['export_id']}")), Export)
        if current.status == "COMPLETED":
            return current
        if current.status == "FAILED":
            raise JobFailedError("FAILED", current.error_message or "The export has failed.")
        yield from _wait(deadline, f"The export did not end within {timeout_s:g} s.")


def download(credentials: Credentials, source: Clip | Export | str, path: Path) -> Steps[Path]:
    """Download a file; a signed URL needs no credentials."""
    url = source if isinstance(source, str) else source.video_url if isinstance(source, Clip) else source.download_url
    if url is None:
        raise CarmicError("There is no file to download yet. Render the clip, or wait for the export.")
    for failures in range(1, ATTEMPTS + 1):
        try:
            response: httpx.Response | None = _expect((yield Download(url, path)))
        except httpx.TransportError:
            if failures == ATTEMPTS:
                raise
            response = None
        if response is not None and response.is_success:
            return path
        if response is not None and (response.status_code not in RETRY_STATUSES or failures == ATTEMPTS):
            raise _build_error(response)
        yield Pause(_get_backoff_s(failures, response))
    raise AssertionError("the last attempt returns or raises")


def _call(credentials: Credentials, method: str, path: str, body: Mapping[str, Any] | None = None) -> Steps[Any]:
    """Send a request, and return the `data` of its response."""
    request = credentials.build_request(method, path, body, once=method == "POST")
    response = yield from _send(lambda: request)
    return msgspec.json.decode(response.content)["data"]


def _send(build: Callable[[], httpx.Request]) -> Steps[httpx.Response]:
    """Send a request, again after a broken connection or a temporary error. Raises ApiError for any other error."""
    failures = 0
    while True:
        failures += 1
        response = None
        try:
            response = _expect((yield Send(build())))
        except httpx.TransportError:
            if failures == ATTEMPTS:
                raise
        if response is not None:
            if response.is_success:
                return response
            if not _is_temporary(response) or failures == ATTEMPTS:
                raise _build_error(response)
        yield Pause(_get_backoff_s(failures, response))


def _is_temporary(response: httpx.Response) -> bool:
    """A 503 without `Retry-After` is for a missing setting, and lasts."""
    return response.status_code in RETRY_STATUSES and (response.status_code != 503 or "Retry-After" in response.headers)


def _get_backoff_s(failures: int, response: httpx.Response | None) -> float:
    wanted = response.headers.get("Retry-After", "") if response is not None else ""
    return float(wanted) if wanted.isdigit() else min(FIRST_BACKOFF_S * 2 ** (failures - 1), MAX_BACKOFF_S)


def _wait(deadline: float, sentence: str) -> Steps[None]:
    if time.monotonic() + POLL_INTERVAL_S > deadline:
        raise TimeoutError(sentence)
    yield Pause(POLL_INTERVAL_S)


def _build_error(response: httpx.Response) -> ApiError:
    try:
        body = msgspec.json.decode(response.content)
        return ApiError(response.status_code, body["error"], body.get("param"), body.get("request_id"))
    except (msgspec.DecodeError, KeyError, TypeError):
        return ApiError(response.status_code, f"The server answered {response.reason_phrase or 'with an error'}.")


def _expect(response: httpx.Response | None) -> httpx.Response:
    if response is None:
        raise AssertionError("a request continues with its response")
    return response
