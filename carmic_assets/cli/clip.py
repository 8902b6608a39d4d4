"""Implements `carmic clip VIDEO`: runs the jobs in this process, without a server, and writes MP4s and packages.

All data are stored in the home like those of a server, in a separate workspace that is not billed.
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

import dagster as dg
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from carmic_assets.cli import home as homes
from carmic_assets.cli.accepted_formats import CONTENT_TYPE_BY_SUFFIX
from carmic_assets.cli.errors import UserError
from carmic_assets.definitions import defs
from carmic_assets.model.template import TemplateConfig
from resources import accounts, artifacts, clips, exports, ledger, passwords, projects, renders, run_intents, uploads
from resources.platform import Platform, open_platform
from resources.run_intents import VIDEO_PARTITIONS
from resources.run_submission import build_run_tags

LOCAL_USER_EMAIL = "local@carmic.invalid"
STOPPED_MESSAGE = "The command was stopped before it was finished. Start it again."
DAY_MS = 24 * 60 * ledger.MINUTE_MS  # minutes granted for each video
# Run configuration that silences Dagster's log, because the command shows a progress bar.
QUIET_CONSOLE = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class LocalProject(msgspec.Struct, frozen=True):
    """The project of the video, with the platform and the Dagster instance for its jobs."""

    platform: Platform
    instance: dg.DagsterInstance
    project: projects.Project


def clip_video(args: argparse.Namespace, print_line: Callable[[str], None]) -> int:
    """Produce clips of one video. Returns 1 if the video or one of its clips failed, otherwise 0.

    Raises:
        UserError: the output directory cannot be written to.
        KeyboardInterrupt: the user interrupted the run. The run is recorded as ended in the database first.
    """
    args.out.mkdir(parents=True, exist_ok=True)
    if not os.access(args.out, os.W_OK | os.X_OK):
        raise UserError(f"{args.out} cannot be written to: choose another directory with --out.")
    home = args.home.expanduser().absolute()
    os.environ.update(homes.process_environment(home))
    platform = open_platform()
    homes.prepare_home(home)
    uploads.sweep(platform.store)  # removes the files of killed commands, because this home may never run a server
    workspace_id, user_id = _open_local_workspace(platform)
    project = _create_project(platform, workspace_id, user_id, args)
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions(VIDEO_PARTITIONS, [project.id])
        local = LocalProject(platform, instance, project)
        with _show_progress_bar(platform, project.id):
            _run_job(local, "ingest_video", project.id, run_intents.new_run_id())
        with platform.database.read() as connection:
            processed = projects.get(connection, project.id)
            best_clips = clips.list_for_project(connection, project.id)[: args.max_clips]
        if processed is None or processed.status not in ("CLIPS_READY", "COMPLETED"):
            print_line(f"{processed.status}: {processed.error_message}" if processed else "The project was deleted.")
            return 1
        has_failed = False
        for number, clip in enumerate(best_clips, 1):
            slug = re.sub(r"[^A-Za-z0-9]+", "-", clip.title).strip("-")[:60] or "clip"
            has_failed |= not _deliver_clip(local, clip, args, args.out / f"{number:02d}-{slug}", print_line)
    return 1 if has_failed else 0


def _open_local_workspace(platform: Platform) -> tuple[str, str]:
    """Return the ids of the command line's own workspace and user; the first call creates them."""
    with platform.database.write() as connection:
        account = accounts.find_user_by_email(connection, LOCAL_USER_EMAIL)
        if account is not None:
            user_id = account[0].id
            return accounts.list_memberships(connection, user_id)[0].id, user_id
        password_hash = passwords.hash_password(secrets.token_urlsafe(32))
        user, workspace_id = accounts.register(connection, LOCAL_USER_EMAIL, password_hash)
        accounts.set_tier(connection, workspace_id, "ENTERPRISE")
        return workspace_id, user.id


def _create_project(platform: Platform, workspace_id: str, user_id: str, args: argparse.Namespace) -> projects.Project:
    """Create the project and store a copy of the video."""
    suffix = args.video.suffix.lower()
    content_type = CONTENT_TYPE_BY_SUFFIX[suffix]
    new = projects.NewProject(
        title=args.video.stem,
        filename=args.video.name,
        content_type=content_type,
        filesize=args.video.stat().st_size,
        language=args.language,
    )
    with platform.database.write() as connection:
        # The local user is not billed, so enough minutes for the video and its renders are granted first.
        grant = ledger.NewEntry(f"local:{secrets.token_hex(8)}", "grant", DAY_MS, "carmic clip")
        ledger.post_entry(connection, workspace_id, grant)
        project = projects.create(connection, workspace_id, user_id, new, suffix)
    scratch_dir = platform.settings.scratch_dir
    scratch_dir.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=scratch_dir) as copy:  # a copy, because the store may hard-link the file
        shutil.copyfile(args.video, copy.name)
        platform.store.put_file(project.object_key, Path(copy.name), content_type)
    return project


def _run_job(local: LocalProject, job_name: str, subject_id: str, run_id: str) -> None:
    """Run one job in this process, with a run intent like any other run.

    Afterwards a project, render or export that the run left unfinished is marked as failed or cancelled.
    """
    platform, project = local.platform, local.project
    with platform.database.write() as connection:
        run_intents.enqueue(connection, run_id, job_name, project.workspace_id, project.id, subject_id)
        run_intents.set_state(connection, run_id, "SUBMITTED")
        if job_name == "ingest_video":
            projects.assign_run(connection, project.id, run_id)
        intent = run_intents.get(connection, run_id)
    if intent is None:
        raise RuntimeError(f"run intent {run_id} was not written")
    end_status = "FAILED"
    try:
        defs.resolve_job_def(job_name).execute_in_process(
            run_id=run_id,
            instance=local.instance,
            partition_key=project.id,
            tags=build_run_tags(intent, project.title),
            run_config=QUIET_CONSOLE,
        )
    except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
        end_status = "CANCELLED"
        raise KeyboardInterrupt from None
    except Exception:  # the step recorded the failure in the database; `carmic up` shows the run's log
        return
    finally:
        with platform.database.write() as connection:
            run_intents.set_state(connection, run_id, "DONE")
            projects.end(connection, project.id, end_status, STOPPED_MESSAGE)
            for render in renders.list_active_for_run(connection, run_id):
                renders.fail(connection, render.id, STOPPED_MESSAGE)
            for export in exports.list_active_for_run(connection, run_id):
                exports.fail(connection, export.id, STOPPED_MESSAGE)


def _deliver_clip(
    local: LocalProject, clip: clips.Clip, args: argparse.Namespace, out: Path, print_line: Callable[[str], None]
) -> bool:
    """Render one clip and write its files to `out` plus their suffixes. Returns whether all steps succeeded."""
    platform, project = local.platform, local.project
    config = msgspec.to_builtins(TemplateConfig())
    config["caption_style"] = args.style
    config["layout"]["aspectRatio"] = args.aspect
    run_id = run_intents.new_run_id()
    with platform.database.write() as connection:
        edited = clips.edit(connection, clip.id, config)
        if edited is None:
            print_line(f"{clip.title}: the clip was deleted")
            return False
        render = renders.queue(connection, edited, run_id)
    with _show_progress_bar(platform, render.id):
        _run_job(local, "render_clips", render.id, run_id)
    with platform.database.read() as connection:
        finished = renders.get(connection, render.id)
    if finished is None or finished.object_key is None:
        print_line(f"{clip.title}: {finished.error_message if finished else 'the render was deleted'}")
        return False
    _copy_from_store(platform, finished.object_key, out.with_suffix(".mp4"))
    subtitles_name = artifacts.render_file_name(render.id, ".srt")
    subtitles_key = artifacts.artifact_key(project.workspace_id, project.id, subtitles_name)
    _copy_from_store(platform, subtitles_key, out.with_suffix(".srt"))
    print_line(f"{clip.virality_score:3d}  {out.with_suffix('.mp4')}  {clip.title}")
    succeeded = [_export_clip(local, edited, target, out, print_line) for target in args.export]
    return all(succeeded)


def _export_clip(
    local: LocalProject, clip: clips.Clip, target: str, out: Path, print_line: Callable[[str], None]
) -> bool:
    """Write the clip's project package for `target` to `<out>-<target>.zip`. Returns whether it succeeded."""
    platform = local.platform
    run_id = run_intents.new_run_id()
    with platform.database.write() as connection:
        export, _ = exports.request(connection, clip, target, False, run_id)
    _run_job(local, "export_packages", export.id, run_id)
    with platform.database.read() as connection:
        finished = exports.get(connection, export.id)
    if finished is None or finished.object_key is None:
        print_line(f"{target}: {finished.error_message if finished else 'the export was deleted'}")
        return False
    _copy_from_store(platform, finished.object_key, out.with_name(f"{out.name}-{target}.zip"))
    return True


def _copy_from_store(platform: Platform, key: str, path: Path) -> None:
    with platform.store.local_file(key) as stored:
        shutil.copyfile(stored, path)


@contextmanager
def _show_progress_bar(platform: Platform, subject_id: str) -> Iterator[None]:
    """Show the progress of a project or render as a bar while the `with` block runs."""
    finished = threading.Event()
    columns = (TextColumn("{task.description:<26}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    # Dagster redirects this process's standard output to a file while a run is active.
    terminal = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with terminal, Progress(*columns, TimeElapsedColumn(), console=Console(file=terminal)) as progress:
        task = progress.add_task("Starting", total=100)

        def update_bar() -> None:
            label, percent = _read_progress(platform, subject_id)
            progress.update(task, description=label, completed=percent)

        def follow_row() -> None:
            while not finished.wait(0.3):
                update_bar()

        thread = threading.Thread(target=follow_row, daemon=True)
        thread.start()
        try:
            yield
        finally:
            finished.set()
            thread.join()
            update_bar()


def _read_progress(platform: Platform, subject_id: str) -> tuple[str, int]:
    """Return the label and percentage of a project or render."""
    with platform.database.read() as connection:
        project = projects.get(connection, subject_id)
        if project is not None:
            return project.current_step, project.progress
        render = renders.get(connection, subject_id)
    return (render.status.capitalize(), render.progress) if render else ("", 0)
