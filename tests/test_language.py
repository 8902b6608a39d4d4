"""The vocabulary of the code base: the glossary is complete, and retired words are not used."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Identifiers that do not describe their content.
RETIRED_NAMES = {
    "said", "told", "heard", "asked", "given", "made", "found", "known", "shown", "again", "which", "whole", "wish",
    "wishes", "at", "promise", "got_on", "relist", "remade", "Letter", "HASHERS", "Which", "Again", "Made", "Wishes",
    "Remembered", "MEANT", "AREAS", "LOOK_S", "SETTLE_S", "LOCK_PATIENCE_S", "ALONE", "TOGETHER", "ENOUGH", "Stretch",
    "Piece", "Bed", "Cast", "Claim", "Fence", "Knot", "Wish", "Reach", "Setter", "Manner", "Stage", "SWAY", "whips",
    "leans_forward", "shared_out", "taken_in", "apart", "framed", "tongue", "WHOLE", "UNSPACED",
}  # fmt: skip
RETIRED_PHRASES = re.compile(
    r"house rules|\blost runs?\b|as good as none|is none of\b|good for (?:an|one) hour|whose heart|parser that falls"
    r"|\bthe [a-z]+ room\b|\brooms\b|\bof nobody\b",
    re.IGNORECASE,
)


def python_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split() if (ROOT / name).is_file()]


def identifiers(tree: ast.AST) -> set[str]:
    """Names that the module defines: classes, functions, parameters and variables."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def test_no_retired_name_is_defined() -> None:
    offenders = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in python_files()
        for name in identifiers(ast.parse(path.read_text())) & RETIRED_NAMES
    }
    assert sorted(offenders) == []


def test_no_retired_phrase_stands_in_code_or_documents() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    offenders = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in [*python_files(), *pages]
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if RETIRED_PHRASES.search(line)
    ]
    assert offenders == []


def test_the_glossary_names_every_class_of_the_model_and_every_asset() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text()
    classes = {
        node.name
        for path in (ROOT / "carmic_assets" / "model").glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
    }
    assets = {
        node.name
        for path in (ROOT / "carmic_assets" / "assets").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(decorator).startswith("dg.asset(") for decorator in node.decorator_list)
    }
    assert assets
    missing = sorted(term for term in classes | assets if f"`{term}`" not in glossary)
    assert missing == []


def test_no_two_modules_share_a_name() -> None:
    """Packages and their route modules may: `api/routes/clips.py` serves what `resources/clips.py` stores."""
    names: dict[str, list[str]] = {}
    for path in python_files():
        relative = path.relative_to(ROOT)
        if relative.parts[0] in ("tests", "benchmarks") or path.name in ("__init__.py", "errors.py"):
            continue
        if relative.parts[:2] != ("api", "routes") and "versions" not in relative.parts:
            names.setdefault(path.name, []).append(relative.as_posix())
    assert {name: paths for name, paths in names.items() if len(paths) > 1} == {}
