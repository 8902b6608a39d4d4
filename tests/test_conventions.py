"""Conventions that reviewers would otherwise check: imports, loading time, complete documentation."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "carmic_assets", "resources", "sensors")


def read_sources() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def find_files_with(pattern: str) -> set[str]:
    return {name for name, text in read_sources() if re.search(pattern, text)}


def test_one_module_opens_media_and_one_runs_ffmpeg() -> None:
    # These open only files that they write.
    writers = {f"carmic_assets/media/{name}.py" for name in ("analysis", "conforming", "excerpt")}
    writers |= {f"carmic_assets/editing/{name}.py" for name in ("export_chunks", "frame_excerpt", "smart_copy")}
    writers.add("carmic_assets/ai_edits/working_clip.py")
    assert find_files_with(r"\bav\.open\(") == {"carmic_assets/media/containers.py"} | writers
    assert find_files_with(r"get_ffmpeg_exe") == {"carmic_assets/media/ffmpeg.py"}
    assert find_files_with(r"cv2\.VideoCapture|moviepy|ffmpeg\.input") == set()


def test_two_modules_import_dagster_internals() -> None:
    imports = r"^ *(?:from dagster\._|import dagster\._)"
    typing_only = {"resources/run_submission.py"}
    adapters = {"resources/dagster_internals.py", "resources/compute_logs.py"}
    assert find_files_with(f"(?m){imports}") == adapters | typing_only


def test_every_test_asserts_something() -> None:
    """A test without an assertion can fail only by an exception."""
    without = []
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
        asserting = {function.name for function in functions if _asserts(function)}
        for function in functions:
            calls = {node.func.id for node in ast.walk(function) if _is_call_by_name(node)}
            if function.name.startswith("test_") and function.name not in asserting and not calls & asserting:
                without.append(f"{path.name}: {function.name}")
    assert without == []


def _asserts(function: ast.FunctionDef) -> bool:
    checks = ("raises", "warns", "fail")
    return any(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Attribute) and node.attr in checks)
        for node in ast.walk(function)
    )


def _is_call_by_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def test_nothing_is_left_unfinished() -> None:
    assert find_files_with(r"NotImplementedError|\bTODO\b|\bFIXME\b|\bXXX\b") == set()


def test_definitions_load_without_heavy_libraries_in_half_a_second_of_cpu() -> None:
    program = (
        "import time, sys, dagster, sqlalchemy; started = time.process_time();"
        "import carmic_assets.definitions; cpu_s = time.process_time() - started;"
        "heavy = {'torch', 'av', 'polars', 'ultralytics', 'faster_whisper', 'matplotlib', 'scipy'} & set(sys.modules);"
        "print(cpu_s, sorted(heavy))"
    )
    cpu_s, heavy = min(
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        .stdout.strip()
        .split(" ", 1)
        for _ in range(3)
    )
    assert heavy == "[]"
    assert float(cpu_s) < 0.5


def test_the_architecture_page_names_every_package_and_all_links_resolve() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    for folder in sorted((ROOT / "carmic_assets").iterdir()):
        if (folder / "__init__.py").exists():
            assert f"`carmic_assets/{folder.name}`" in text, folder.name
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_definitions_hold_the_documented_jobs_sensors_and_schedules() -> None:
    program = (
        "import carmic_assets.definitions as d; r = d.defs.get_repository_def();"
        "jobs = sorted(j.name for j in r.get_all_jobs() if not j.name.startswith('__'));"
        "print(jobs, len(r.sensor_defs), len(r.schedule_defs))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    jobs = "['export_packages', 'export_timeline', 'generate_clip', 'generate_hosted_media', 'generate_voice', "
    jobs += "'ingest_timeline_asset', 'ingest_video', 'make_variants', 'render_clips', 'rescore_clips']"
    assert output.split("\n")[0] == f"{jobs} 5 1"
