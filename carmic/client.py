"""A thin client of Carmic's API, synchronous (`Carmic`) and asynchronous (`AsyncCarmic`).

    with Carmic("http://127.0.0.1:8000", key="sk_live_...") as carmic:
        project = carmic.upload("talk.mp4")
        for clip in carmic.wait_for_clips(project)[:3]:
            carmic.download(carmic.render(clip), f"{clip.id}.mp4")

Both clients run the same steps (`carmic.steps`). A request that met a broken connection, 429 or 503 is repeated, with
the same `Idempotency-Key`; an upload continues where it was interrupted. Every other error response raises `ApiError`.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar

import httpx
import msgspec
from standardwebhooks import Webhook

from carmic import steps
from carmic.models import ApiError, CarmicError, Clip, Event, Export, JobFailedError, Project, Session
from carmic.steps import Credentials, Download, Pause, ProgressCallback, Send, Steps

__all__ = [
    "ApiError",
    "AsyncCarmic",
    "Carmic",
    "CarmicError",
    "Clip",
    "Event",
    "Export",
    "JobFailedError",
    "Project",
    "Session",
    "verify_webhook",
]

T = TypeVar("T")
TIMEOUT = httpx.Timeout(60, connect=10)
DAY_S = 24 * 3600.0


class Carmic:
    """A client that waits for each response.

    Args:
        base_url: address of the server, without `/api`.
        key: an API key (`sk_live_...`) or an access token.
        workspace_id: the workspace to work in; an API key has its own.
        transport: an httpx transport, for tests and proxies.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        workspace_id: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._credentials = Credentials(base_url, key, workspace_id)
        self._http = httpx.Client(timeout=TIMEOUT, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def register(self, email: str, password: str) -> Session:
        """Create a user, and act as the user in the new workspace."""
        return self._log_in(steps.register(self._credentials, email, password))

    def log_in(self, email: str, password: str) -> Session:
        """Act as the user, in the user's oldest workspace. The access token is valid for 30 minutes."""
        return self._log_in(steps.log_in(self._credentials, email, password))

    def upload(self, path: str | os.PathLike[str], **options: Any) -> Project:  # noqa: ANN401 - fields of the request
        """Create a project, upload its video resumably and start the analysis.

        `options` are fields of `POST /v1/projects/create`, such as `title`, `language` and `template_id`.
        """
        return self._run(steps.upload(self._credentials, Path(path), options))

    def import_url(self, url: str, **options: Any) -> Project:  # noqa: ANN401 - fields of the request
        """Create a project whose video the server downloads."""
        return self._run(steps.import_url(self._credentials, url, options))

    def get_project(self, project: Project | str) -> Project:
        """Return the project as it is now."""
        return self._run(steps.get_project(self._credentials, _get_id(project)))

    def list_clips(self, project: Project | str) -> list[Clip]:
        """Return the project's clips, best first."""
        return self._run(steps.list_clips(self._credentials, _get_id(project)))

    def wait_for_clips(
        self,
        project: Project | str,
        *,
        timeout_s: float = DAY_S,
        on_progress: ProgressCallback | None = None,
    ) -> list[Clip]:
        """Wait until the project has clips, and return them, best first. `on_progress` gets each new state.

        Raises:
            JobFailedError: the analysis has failed or was cancelled.
            TimeoutError: it takes longer than `timeout_s`.
        """
        return self._run(steps.wait_for_clips(self._credentials, _get_id(project), timeout_s, on_progress))

    def edit(self, clip: Clip | str, **changes: Any) -> Clip:  # noqa: ANN401 - fields of the config
        """Change fields of the clip by a JSON merge patch, such as `title` or `style={"fontSize": 80}`."""
        return self._run(steps.edit(self._credentials, _get_id(clip), changes))

    def render(self, clip: Clip | str, *, timeout_s: float = DAY_S) -> Clip:
        """Render the clip, wait for its MP4, and return the clip with `video_url`.

        Raises:
            JobFailedError: the render has failed.
            TimeoutError: it takes longer than `timeout_s`.
        """
        return self._run(steps.render(self._credentials, _get_id(clip), timeout_s))

    def export(self, clip: Clip | str, target_format: str, *, timeout_s: float = DAY_S) -> Export:
        """Package the clip for an editing program, wait for the package, and return it with `download_url`."""
        return self._run(steps.export(self._credentials, _get_id(clip), target_format, timeout_s))

    def download(self, source: Clip | Export | str, path: str | os.PathLike[str]) -> Path:
        """Download the MP4 of a clip, a package, or a signed URL. The file appears when it is complete."""
        return self._run(steps.download(self._credentials, source, Path(path)))

    def _log_in(self, flow: Steps[Session]) -> Session:
        session = self._run(flow)
        self._credentials = self._credentials.with_session(session)
        return session

    def _run(self, flow: Steps[T]) -> T:
        step = _start(flow)
        while not isinstance(step, _Finished):
            try:
                result = self._perform(step)
            except httpx.TransportError as error:
                step = _raise_into(flow, error)
            else:
                step = _continue(flow, result)
        value: T = step.value
        return value

    def _perform(self, step: Send | Pause | Download) -> httpx.Response | None:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        if isinstance(step, Send):
            return self._http.send(step.request)
        with self._http.stream("GET", step.url, follow_redirects=True) as response:
            if response.is_success:
                with _write_whole(step.path) as file:
                    for block in response.iter_bytes():
                        file.write(block)
            else:
                response.read()
        return response


class AsyncCarmic:
    """The same client for asyncio."""

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        workspace_id: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._credentials = Credentials(base_url, key, workspace_id)
        self._http = httpx.AsyncClient(timeout=TIMEOUT, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def register(self, email: str, password: str) -> Session:
        """Create a user, as `Carmic.register` does."""
        return await self._log_in(steps.register(self._credentials, email, password))

    async def log_in(self, email: str, password: str) -> Session:
        """Act as the user, as `Carmic.log_in` does."""
        return await self._log_in(steps.log_in(self._credentials, email, password))

    async def upload(self, path: str | os.PathLike[str], **options: Any) -> Project:  # noqa: ANN401 - as `Carmic`
        """Upload a video and start its analysis, as `Carmic.upload` does."""
        return await self._run(steps.upload(self._credentials, Path(path), options))

    async def import_url(self, url: str, **options: Any) -> Project:  # noqa: ANN401 - as `Carmic`
        """Create a project whose video the server downloads."""
        return await self._run(steps.import_url(self._credentials, url, options))

    async def get_project(self, project: Project | str) -> Project:
        """Return the project as it is now."""
        return await self._run(steps.get_project(self._credentials, _get_id(project)))

    async def list_clips(self, project: Project | str) -> list[Clip]:
        """Return the project's clips, best first."""
        return await self._run(steps.list_clips(self._credentials, _get_id(project)))

    async def wait_for_clips(
        self,
        project: Project | str,
        *,
        timeout_s: float = DAY_S,
        on_progress: ProgressCallback | None = None,
    ) -> list[Clip]:
        """Wait for the project's clips, as `Carmic.wait_for_clips` does."""
        return await self._run(steps.wait_for_clips(self._credentials, _get_id(project), timeout_s, on_progress))

    async def edit(self, clip: Clip | str, **changes: Any) -> Clip:  # noqa: ANN401 - as `Carmic`
        """Change fields of the clip, as `Carmic.edit` does."""
        return await self._run(steps.edit(self._credentials, _get_id(clip), changes))

    async def render(self, clip: Clip | str, *, timeout_s: float = DAY_S) -> Clip:
        """Render the clip and wait for its MP4, as `Carmic.render` does."""
        return await self._run(steps.render(self._credentials, _get_id(clip), timeout_s))

    async def export(self, clip: Clip | str, target_format: str, *, timeout_s: float = DAY_S) -> Export:
        """Package the clip and wait for the package, as `Carmic.export` does."""
        return await self._run(steps.export(self._credentials, _get_id(clip), target_format, timeout_s))

    async def download(self, source: Clip | Export | str, path: str | os.PathLike[str]) -> Path:
        """Download a file, as `Carmic.download` does."""
        return await self._run(steps.download(self._credentials, source, Path(path)))

    async def _log_in(self, flow: Steps[Session]) -> Session:
        session = await self._run(flow)
        self._credentials = self._credentials.with_session(session)
        return session

    async def _run(self, flow: Steps[T]) -> T:
        step = _start(flow)
        while not isinstance(step, _Finished):
            try:
                result = await self._perform(step)
            except httpx.TransportError as error:
                step = _raise_into(flow, error)
            else:
                step = _continue(flow, result)
        value: T = step.value
        return value

    async def _perform(self, step: Send | Pause | Download) -> httpx.Response | None:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        if isinstance(step, Send):
            return await self._http.send(step.request)
        async with self._http.stream("GET", step.url, follow_redirects=True) as response:
            if response.is_success:
                with _write_whole(step.path) as file:
                    async for block in response.aiter_bytes():
                        file.write(block)
            else:
                await response.aread()
        return response


def verify_webhook(body: bytes | str, headers: Mapping[str, str], secret: str) -> Event:
    """Check the signature and the age of a webhook request, and return its event.

    Args:
        body: the body as it was received.
        headers: the headers of the request, in any case.
        secret: the webhook's secret (`whsec_...`), from the response that created it.

    Raises:
        standardwebhooks.WebhookVerificationError: the signature does not fit, or the request is older than 5 minutes.
    """
    Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})
    return msgspec.json.decode(body, type=Event)


class _Finished(msgspec.Struct):
    """The end of a flow of steps, with its result."""

    value: Any


def _get_id(subject: Project | Clip | str) -> str:
    return subject if isinstance(subject, str) else subject.id


def _start(flow: Steps[Any]) -> Send | Pause | Download | _Finished:
    return _advance(lambda: next(flow))


def _continue(flow: Steps[Any], result: httpx.Response | None) -> Send | Pause | Download | _Finished:
    return _advance(lambda: flow.send(result))


def _raise_into(flow: Steps[Any], error: Exception) -> Send | Pause | Download | _Finished:
    return _advance(lambda: flow.throw(error))


def _advance(resume: Callable[[], Send | Pause | Download]) -> Send | Pause | Download | _Finished:
    try:
        return resume()
    except StopIteration as end:
        return _Finished(end.value)


@contextmanager
def _write_whole(path: Path) -> Iterator[IO[bytes]]:
    """Write a file beside its place, and move it there when it is complete."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            yield file
        except BaseException:
            Path(file.name).unlink()
            raise
    Path(file.name).replace(path)
