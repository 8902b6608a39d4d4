"""Every setting is documented, all invalid settings are reported together, and each home has its own secret key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resources.settings import SETTINGS, SettingsError, load_settings

DOCS_PAGE = Path(__file__).parents[1] / "docs" / "settings.md"


def format_docs_row(name: str, default: str, description: str) -> str:
    """Return the row of docs/settings.md for one setting."""
    return f"| `{name}` | {f'`{default}`' if default else 'none'} | {description} |"


def test_the_docs_list_every_setting_once() -> None:
    expected = [format_docs_row(setting.name, setting.default, setting.help) for setting in SETTINGS]
    rows = [line for line in DOCS_PAGE.read_text().splitlines() if line.startswith("| `CARMIC_")]
    assert sorted(rows) == sorted(expected)


def test_the_defaults_are_valid(tmp_path: Path) -> None:
    settings = load_settings({"CARMIC_HOME": str(tmp_path)})
    assert (settings.threads, settings.executor, settings.outbound_allow) == (2, "in_process", ())
    assert settings.database_url == f"sqlite:///{tmp_path}/carmic.db"


def test_all_invalid_settings_are_reported_together(tmp_path: Path) -> None:
    environ = {
        "CARMIC_HOME": str(tmp_path / "100%"),
        "CARMIC_ENV": "production",
        "CARMIC_DATABASE_URL": "postgresql://host/db",
        "CARMIC_STORE_URL": "ftp://host",
        "CARMIC_THREADS": "none",
        "CARMIC_VIDEO_ENCODER": "h265",
        "CARMIC_OUTBOUND_ALLOW": "10.0.0.0/99",
        "CARMIC_SECRET_KEY": "short",
        "CARMIC_DAGSTER_POSTGRES_URL": "postgresql://host/dagster",
    }
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    reported = {problem.split()[0] for problem in caught.value.problems}
    assert reported == {*environ, "CARMIC_PUBLIC_URL"} - {"CARMIC_ENV"}


def test_a_home_creates_its_secret_key_once_with_private_permissions(tmp_path: Path) -> None:
    first = load_settings({"CARMIC_HOME": str(tmp_path)})
    second = load_settings({"CARMIC_HOME": str(tmp_path)})
    other_home = load_settings({"CARMIC_HOME": str(tmp_path / "other")})
    assert first.secret_key == second.secret_key != other_home.secret_key
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0


def test_dagsters_storage_needs_psycopg2_and_a_database_of_its_own(tmp_path: Path) -> None:
    own = {"CARMIC_HOME": str(tmp_path), "CARMIC_DATABASE_URL": "postgresql+psycopg://u:p@db:5432/carmic"}
    for url, sentence in (
        ("postgresql://db/dagster", "must start with postgresql+psycopg2://"),
        ("postgresql+psycopg://db/dagster", "must start with postgresql+psycopg2://"),
        ("postgresql+psycopg2://other:user@db/carmic", "must name another database than CARMIC_DATABASE_URL"),
    ):
        with pytest.raises(SettingsError, match=re.escape(sentence)):
            load_settings({**own, "CARMIC_DAGSTER_POSTGRES_URL": url})
    accepted = load_settings({**own, "CARMIC_DAGSTER_POSTGRES_URL": "postgresql+psycopg2://u:p@db/dagster"})
    assert accepted.dagster_postgres_url.endswith("/dagster")
