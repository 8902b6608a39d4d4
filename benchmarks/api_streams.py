"""From the commit of a state to the client: SSE with many streams open.

    python -m benchmarks.api_streams [--clients 200] [--changes 100]

Each client follows a project of its own; every change is timed from its commit to the client that follows it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from api_server import Member, Server, running
from resources import projects, sessions


async def follow(server: Server, member: Member, project_id: str, told: dict[tuple[str, int], float]) -> None:
    with server.database.write() as connection:
        ticket = sessions.issue_ticket(connection, member.workspace_id, member.user_id)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"GET /api/v1/projects/{project_id}/stream?ticket={ticket} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    try:
        while line := await reader.readline():
            if line.startswith(b"data: "):
                told[project_id, json.loads(line[6:])["progress"]] = time.time()
    finally:
        writer.close()


async def measure(server: Server, clients: int, changes: int) -> list[float]:
    member = server.member()
    ids = [member.project().id for _ in range(clients)]
    told: dict[tuple[str, int], float] = {}
    followers = []
    for number, project_id in enumerate(ids):
        followers.append(asyncio.create_task(follow(server, member, project_id, told)))
        if number % 20 == 19:
            await asyncio.sleep(0.1)  # a ticket is a write: they come as clients would come
    while sum((project_id, 0) in told for project_id in ids) < clients:
        await asyncio.sleep(0.1)
    committed: dict[tuple[str, int], float] = {}

    def change(number: int) -> None:
        project_id, progress = ids[number % clients], 1 + number // clients
        with server.database.write() as connection:
            projects.advance(connection, project_id, "TRANSCRIBING", progress, f"Step {progress}")
        committed[project_id, progress] = time.time()

    for number in range(changes):
        await asyncio.to_thread(change, number)
        await asyncio.sleep(0.02)
    await asyncio.sleep(2)
    for task in followers:
        task.cancel()
    await asyncio.gather(*followers, return_exceptions=True)
    assert set(committed) <= set(told), "a change was lost"
    return sorted(told[key] - at for key, at in committed.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--changes", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        times = asyncio.run(measure(server, given.clients, given.changes))
    p50, p99 = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.99))
    sys.stdout.write(f"{given.clients} clients: p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {times[-1] * 1000:.0f} ms\n")


if __name__ == "__main__":
    main()
