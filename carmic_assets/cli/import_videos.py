"""Implements `carmic import`: creates a project for each video of a directory and queues it behind all other work.

The command may be stopped and repeated: a file whose name and size a project of the workspace has already is skipped,
unless that project was left without a run.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from carmic_assets.cli.accepted_formats import CONTENT_TYPE_BY_SUFFIX
from carmic_assets.cli.errors import UserError
from resources import accounts, projects, run_intents
from resources.platform import Platform, open_platform
from resources.projects import Project


class Candidate(msgspec.Struct, frozen=True):
    """A video file, with the project that a stopped import left for it. It is skipped if it `is_imported`."""

    path: Path
    size_bytes: int
    project: Project | None
    is_imported: bool


def import_videos(args: argparse.Namespace, print_line: Callable[[str], None]) -> int:
    """Import the videos below `args.directory` into the workspace. Returns 1 if a file could not be read, otherwise 0.

    Raises:
        UserError: the workspace does not exist, or the directory has no videos.
    """
    platform = open_platform()
    with platform.database.read() as connection:
        members = accounts.list_members(connection, args.workspace)
    owner = next((member for member in members if member.role == "OWNER"), None)
    if owner is None:
        raise UserError(f"Workspace {args.workspace} does not exist.")
    candidates = _list_candidates(platform, args.workspace, args.directory)
    if not candidates:
        raise UserError(f"{args.directory} has no videos. The formats are {', '.join(CONTENT_TYPE_BY_SUFFIX)}.")
    pending = [candidate for candidate in candidates if not candidate.is_imported]
    size_gb = sum(candidate.size_bytes for candidate in pending) / 1e9
    print_line(f"{len(pending)} videos ({size_gb:.2f} GB) to import, {len(candidates) - len(pending)} imported already")
    failures = 0
    for number, candidate in enumerate(pending, 1):
        if args.dry_run:
            print_line(f"{candidate.path}")
            continue
        try:
            project_id = _import_video(platform, args.workspace, owner.user_id, candidate)
        except OSError as error:  # the others are imported nevertheless
            failures += 1
            print_line(f"{number}/{len(pending)} {candidate.path}: {error.strerror or error}")
            continue
        print_line(f"{number}/{len(pending)} {candidate.path} is project {project_id}")
    return 1 if failures else 0


def _list_candidates(platform: Platform, workspace_id: str, directory: Path) -> list[Candidate]:
    """Return the videos below the directory in the order of their paths. Links to directories are not followed."""
    paths = sorted(path for path in directory.rglob("*") if path.suffix.lower() in CONTENT_TYPE_BY_SUFFIX)
    candidates = []
    for path in paths:
        if path.is_file():
            size_bytes = path.stat().st_size
            with platform.database.read() as connection:
                project = projects.find_by_file(connection, workspace_id, path.name, size_bytes)
            candidates.append(Candidate(path, size_bytes, project, project is not None and project.run_id is not None))
    return candidates


def _import_video(platform: Platform, workspace_id: str, user_id: str, candidate: Candidate) -> str:
    """Create the project, store the file, then queue its run. Returns the project's id."""
    path = candidate.path
    content_type = CONTENT_TYPE_BY_SUFFIX[path.suffix.lower()]
    project = candidate.project
    if project is None:
        new = projects.NewProject(
            title=path.stem, filename=path.name, content_type=content_type, filesize=candidate.size_bytes
        )
        with platform.database.write() as connection:
            project = projects.create(connection, workspace_id, user_id, new, path.suffix.lower())
    scratch_dir = platform.settings.scratch_dir
    scratch_dir.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=scratch_dir) as copy:  # a copy, because the store may hard-link the file
        shutil.copyfile(path, copy.name)
        platform.store.put_file(project.object_key, Path(copy.name), content_type)
    run_id = run_intents.new_run_id()
    with platform.database.write() as connection:
        if projects.assign_run(connection, project.id, run_id) is not None:
            run_intents.enqueue(connection, run_id, "ingest_video", workspace_id, project.id, project.id)
            run_intents.set_lane(connection, run_id, run_intents.BACKFILL_LANE)
    return project.id
