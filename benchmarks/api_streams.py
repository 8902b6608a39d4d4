"""Measures the delay from the commit of a change to its arrival at the client, with many open event streams (SSE).

    python -m benchmarks.api_streams [--clients 200] [--changes 200]

Each client follows a project of its own.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path

from api_server import Member, Server, run_server
from benchmarks.harness import create_parser, format_percentiles, print_line
from resources import projects, sessions

CHANGE_INTERVAL_S = 0.02
DRAIN_S = 2  # wait for the events of the last changes

Change = tuple[str, int]  # project id, progress


async def follow(server: Server, member: Member, project_id: str, received_at: dict[Change, float]) -> None:
    """Read the stream of a project and note when each change arrives."""
    with server.database.write() as connection:
        ticket = sessions.issue_ticket(connection, member.workspace_id, member.user_id)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"GET /api/v1/projects/{project_id}/stream?ticket={ticket} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    try:
        while line := await reader.readline():
            if line.startswith(b"data: "):
                received_at[project_id, json.loads(line[6:])["progress"]] = time.time()
    finally:
        writer.close()


async def measure_delays_s(server: Server, clients: int, changes: int) -> list[float]:
    """Open the streams, commit the changes and return the delay of each.

    Raises:
        SystemExit: a change did not arrive.
    """
    member = server.create_member()
    project_ids = [member.create_project().id for _ in range(clients)]
    received_at: dict[Change, float] = {}
    followers = []
    for number, project_id in enumerate(project_ids):
        followers.append(asyncio.create_task(follow(server, member, project_id, received_at)))
        if number % 20 == 19:
            await asyncio.sleep(0.1)  # each ticket is a write transaction, so clients connect one after the other
    while sum((project_id, 0) in received_at for project_id in project_ids) < clients:
        await asyncio.sleep(0.1)
    committed_at: dict[Change, float] = {}

    def commit_change(number: int) -> None:
        project_id, progress = project_ids[number % clients], 1 + number // clients
        with server.database.write() as connection:
            projects.advance(connection, project_id, "TRANSCRIBING", progress, f"Step {progress}")
        committed_at[project_id, progress] = time.time()

    for number in range(changes):
        await asyncio.to_thread(commit_change, number)
        await asyncio.sleep(CHANGE_INTERVAL_S)
    await asyncio.sleep(DRAIN_S)
    for task in followers:
        task.cancel()
    await asyncio.gather(*followers, return_exceptions=True)
    missing = set(committed_at) - set(received_at)
    if missing:
        raise SystemExit(
            f"{len(missing)} of {changes} changes did not arrive within {DRAIN_S} s. "
            "Run with fewer --clients, or raise DRAIN_S."
        )
    return [received_at[change] - committed_s for change, committed_s in committed_at.items()]


def main() -> None:
    """Start a server and measure the delays."""
    parser = create_parser("api_streams", __doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--changes", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, run_server(Path(folder)) as server:
        delays_s = asyncio.run(measure_delays_s(server, arguments.clients, arguments.changes))
    print_line(f"{arguments.clients} clients: {format_percentiles(delays_s)}")


if __name__ == "__main__":
    main()
