"""`python -m api.openapi_file` writes the API's document to `openapi.json`; `make openapi` runs it.

It exits with status 1 if the document lacks a text or an example. With `--against FILE` it also names the changes since
that file which break existing clients, and exits with status 1 if there are any.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from api.app import create_app
from api.openapi_changes import list_breaking_changes
from api.openapi_document import list_undescribed
from resources.platform import open_platform

OPENAPI_FILE = Path(__file__).parents[1] / "openapi.json"


def generate_text() -> str:
    """Return the document as it is committed: indented, one line at the end."""
    with tempfile.TemporaryDirectory() as home:
        platform = open_platform({"CARMIC_HOME": home, "DAGSTER_HOME": f"{home}/dagster"})
        document = json.loads(create_app(platform).state.encoded_schema.content)
        platform.database.close()
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the file and report problems. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m api.openapi_file", description=__doc__)
    parser.add_argument("--against", type=Path, help="an earlier openapi.json to compare with")
    options = parser.parse_args(arguments)
    text = generate_text()
    OPENAPI_FILE.write_text(text)
    document: dict[str, Any] = json.loads(text)
    problems = [f"Without text or example: {name}" for name in list_undescribed(document)]
    if options.against is not None:
        earlier = json.loads(options.against.read_text())
        problems += [f"Breaking: {change}" for change in list_breaking_changes(earlier, document)]
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
