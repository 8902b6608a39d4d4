"""`carmic clip VIDEO`: the same jobs without a server, in this process, with progress bars. Writes MP4s and packages.

Everything is kept in the home as the server would keep it, under a workspace of its own without limits.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from carmic_assets.captions.caption_styles import PRESETS
from carmic_assets.cli import home as homes
from carmic_assets.cli.errors import UserError
from carmic_assets.model.template import TemplateConfig
from resources import accounts, artifacts, clips, exports, ledger, passwords, projects, renders, run_intents, uploads
from resources.platform import Platform, open_platform
from resources.run_submission import VIDEOS, tags

LOCAL = "local@carmic.invalid"
STOPPED = "This was stopped before it was done. Start it again."
TYPES = {
    ".mp4": "video/mp4", ".mov": "video/quicktime", ".avi": "video/x-msvideo", ".webm": "video/webm",
    ".mkv": "video/x-matroska", ".mpeg": "video/mpeg", ".mpg": "video/mpeg", ".flv": "video/x-flv",
}  # fmt: skip


def clip(asked: argparse.Namespace, say: Callable[[str], None]) -> int:
    """Cut one video; the status is 1 when the video could not be used.

    Raises UserError before any work for what cannot be asked, and KeyboardInterrupt once what ran has been ended.
    """
    kind = TYPES.get(asked.video.suffix.lower())
    if not asked.video.is_file():
        raise UserError(f"There is no file {asked.video}.")
    if kind is None:
        raise UserError(f"{asked.video.suffix or asked.video.name} is no kind of video known here: {', '.join(TYPES)}.")
    if asked.style.upper() not in PRESETS:
        raise UserError(f"There is no caption style {asked.style}. The styles are {', '.join(PRESETS)}.")
    asked.out.mkdir(parents=True, exist_ok=True)
    if not os.access(asked.out, os.W_OK | os.X_OK):
        raise UserError(f"{asked.out} cannot be written to: choose another folder with --out.")
    home = asked.home.expanduser().absolute()
    os.environ.update(homes.environment(home))
    platform = open_platform()
    homes.prepare(home)
    uploads.sweep(platform.store)  # what a killed one left, where no server does it
    import dagster as dg

    workspace, user = _workspace(platform)
    project = _project(platform, workspace, user, asked, kind)
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions(VIDEOS, [project.id])
        with _bar(platform, project.id):
            _run(platform, instance, "ingest_video", project, project.id)
        with platform.database.read() as connection:
            ended = projects.get(connection, project.id)
            found = clips.of_project(connection, project.id)[: asked.max_clips]
        assert ended is not None
        if ended.status not in ("CLIPS_READY", "COMPLETED"):
            say(f"{ended.status}: {ended.error_message}")
            return 1
        failed = 0
        for number, each in enumerate(found, 1):
            name = f"{number:02d}-{re.sub(r'[^A-Za-z0-9]+', '-', each.title).strip('-')[:60] or 'clip'}"
            failed += _deliver(platform, instance, project, each, asked, asked.out / name, say)
    return 1 if failed else 0


def _workspace(platform: Platform) -> tuple[str, str]:
    """The command line's own user and workspace, made at its first use."""
    with platform.database.write() as connection:
        found = accounts.user_by_email(connection, LOCAL)
        if found is None:
            user, workspace = accounts.register(connection, LOCAL, passwords.hashed(secrets.token_urlsafe(32)))
            accounts.set_tier(connection, workspace, "ENTERPRISE")
        else:
            user, workspace = found[0], accounts.memberships(connection, found[0].id)[0].id
    return workspace, user.id


def _project(platform: Platform, workspace: str, user: str, asked: argparse.Namespace, kind: str) -> projects.Project:
    new = projects.NewProject(
        title=asked.video.stem,
        filename=asked.video.name,
        content_type=kind,
        filesize=asked.video.stat().st_size,
        language=asked.language,
    )
    with platform.database.write() as connection:
        # nobody is billed here: what the video and its renders may cost is put into the pool first
        day = 24 * 60 * ledger.MINUTE_MS
        ledger.move(connection, workspace, f"local:{secrets.token_hex(8)}", "grant", day, note="carmic clip")
        project = projects.create(connection, workspace, user, new, asked.video.suffix.lower())
    scratch = platform.settings.scratch_dir
    scratch.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=scratch) as copy:  # the store keeps what it is given, and this is the user's
        shutil.copyfile(asked.video, copy.name)
        platform.store.put_file(project.object_key, Path(copy.name), kind)
    return project


def _run(
    platform: Platform, instance: Any, job: str, project: projects.Project, subject: str, run_id: str = ""
) -> None:
    """One job in this process, under an intent like any other run. What it leaves unfinished is ended."""
    import dagster as dg

    from carmic_assets.definitions import defs

    run_id = run_id or run_intents.new_run_id()
    with platform.database.write() as connection:
        run_intents.promise(connection, run_id, job, project.workspace_id, project.id, subject)
        run_intents.move(connection, run_id, "SUBMITTED")
        if job == "ingest_video":
            projects.claim(connection, project.id, run_id)
        intent = run_intents.get(connection, run_id)
    assert intent is not None
    ended = "FAILED"
    try:
        defs.resolve_job_def(job).execute_in_process(
            run_id=run_id,
            instance=instance,
            partition_key=project.id,
            tags=tags(intent),
            run_config={
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}
            },  # the bar is what a person reads
        )
    except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
        ended = "CANCELLED"
        raise KeyboardInterrupt from None
    except Exception:  # the database has been told, or is now; `carmic up` would show the run's log
        return
    finally:
        with platform.database.write() as connection:
            run_intents.move(connection, run_id, "DONE")
            projects.end(connection, project.id, ended, STOPPED)
            for render in renders.live_of_run(connection, run_id):
                renders.fail(connection, render.id, STOPPED)
            for export in exports.live_of_run(connection, run_id):
                exports.fail(connection, export.id, STOPPED)


def _deliver(
    platform: Platform,
    instance: Any,
    project: projects.Project,
    found: clips.Clip,
    asked: argparse.Namespace,
    out: Path,
    say: Callable[[str], None],
) -> int:
    """Render one clip and write its packages; 1 when something of it failed."""
    config = msgspec.to_builtins(TemplateConfig())
    config["caption_style"] = asked.style.upper()
    config["layout"]["aspectRatio"] = asked.aspect
    run_id = run_intents.new_run_id()
    with platform.database.write() as connection:
        edited = clips.edit(connection, found.id, config)
        assert edited is not None
        render = renders.queue(connection, edited, run_id)
    with _bar(platform, render.id):
        _run(platform, instance, "render_clips", project, render.id, run_id)
    with platform.database.read() as connection:
        done = renders.get(connection, render.id)
    if done is None or done.object_key is None:
        say(f"{found.title}: {done.error_message if done else 'lost'}")
        return 1
    _copy(platform, done.object_key, out.with_suffix(".mp4"))
    subtitles = artifacts.key(project.workspace_id, project.id, artifacts.rendered(render.id, ".srt"))
    _copy(platform, subtitles, out.with_suffix(".srt"))
    say(f"{found.virality_score:3d}  {out.with_suffix('.mp4')}  {found.title}")
    failed = 0
    for target in asked.export:
        run_id = run_intents.new_run_id()
        with platform.database.write() as connection:
            wanted, _ = exports.request(connection, edited, target, False, run_id)
        _run(platform, instance, "export_packages", project, wanted.id, run_id)
        with platform.database.read() as connection:
            package = exports.get(connection, wanted.id)
        if package is None or package.object_key is None:
            say(f"{target}: {package.error_message if package else 'lost'}")
            failed = 1
        else:
            _copy(platform, package.object_key, out.with_name(f"{out.name}-{target}.zip"))
    return failed


def _copy(platform: Platform, key: str, path: Path) -> None:
    with platform.store.local(key) as found:
        shutil.copyfile(found, path)


@contextmanager
def _bar(platform: Platform, subject: str) -> Iterator[None]:
    """A progress bar that follows the rows which the API would answer from."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    done = threading.Event()
    columns = (TextColumn("{task.description:<26}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    # a run sends this process's standard output to a file meanwhile
    terminal = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with terminal, Progress(*columns, TimeElapsedColumn(), console=Console(file=terminal)) as progress:
        task = progress.add_task("Starting", total=100)

        def follow() -> None:
            while not done.wait(0.3):
                step, share = _state(platform, subject)
                progress.update(task, description=step, completed=share)

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            step, share = _state(platform, subject)
            progress.update(task, description=step, completed=share)


def _state(platform: Platform, subject: str) -> tuple[str, int]:
    with platform.database.read() as connection:
        project = projects.get(connection, subject)
        if project is not None:
            return project.current_step, project.progress
        render = renders.get(connection, subject)
    return (render.status.capitalize(), render.progress) if render else ("", 0)
