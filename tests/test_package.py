"""The wheel, installed away from the checkout, is complete."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from carmic_assets.cli.home import process_environment

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    source = folder / "source"  # a build writes into the folder that it builds
    for name in filter(None, files.decode().split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    program = f"from setuptools.build_meta import build_wheel; print(build_wheel(r'{folder}'))"
    run = subprocess.run([sys.executable, "-c", program], cwd=source, capture_output=True, text=True, check=True)
    return folder / run.stdout.splitlines()[-1]


@pytest.mark.rare
def test_the_wheel_works_in_another_folder(wheel: Path, tmp_path: Path) -> None:
    """The dependencies are those of this environment; the package itself comes from the wheel alone."""
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (metadata,) = site.glob("carmic-*.dist-info")
    assert "carmic = carmic_assets.cli.main:main" in (metadata / "entry_points.txt").read_text()
    assert (site / "carmic" / "py.typed").exists()
    home = tmp_path / "home"
    environment = {**process_environment(home), "PYTHONPATH": str(site)}
    carmic = [sys.executable, "-c", "import sys; from carmic_assets.cli.main import main; sys.exit(main())"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*carmic, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    located = subprocess.run(
        [sys.executable, "-c", "import carmic_assets, api, resources, sensors, carmic.client as c; print(c.__file__)"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert located.stdout.startswith(str(site))
    user = run(
        "admin", "create-user", "ada@example.com", "Correct7horse", "--home", str(home)
    )  # migrates a new database
    assert user.returncode == 0, user.stderr
    assert set(json.loads(user.stdout)) == {"user_id", "workspace_id"}
    program = (
        "from pathlib import Path; from carmic_assets.cli import home;"
        f"home.prepare_home(Path({str(home)!r})); print(home.INSTANCE_FILE)"
    )
    prepared = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert prepared.stdout.startswith(str(site)) and (home / "dagster" / "dagster.yaml").exists()
    program = "import carmic_assets.definitions as d; print(len(d.defs.get_repository_def().get_all_jobs()))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert int(loaded.stdout) >= 6


def test_the_wheel_has_the_data_of_every_package(wheel: Path) -> None:
    packaged = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    packages = ("carmic/", "carmic_assets/", "api/", "resources/", "sensors/")
    expected = {name for name in tracked if name.startswith(packages) and (ROOT / name).is_file()}
    assert sorted(expected - packaged) == []
    with zipfile.ZipFile(wheel) as archive:
        for name in ("dagster.yaml", "workspace.yaml"):  # links to the files at the top of the checkout
            assert archive.read(f"carmic_assets/cli/{name}") == (ROOT / name).read_bytes()
    assert not [name for name in packaged if name.startswith(("tests/", "benchmarks/", "clients/"))]
