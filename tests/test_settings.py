"""Every setting is documented, every wrong one is told at once, and a home keeps its own key."""

from __future__ import annotations

from pathlib import Path

import pytest

from resources.settings import SETTINGS, SettingsError, load

DOCS = Path(__file__).parents[1] / "docs" / "settings.md"


def documented() -> str:
    """What docs/settings.md must hold: a row for each setting."""
    rows = [f"| `{s.name}` | {f'`{s.default}`' if s.default else 'none'} | {s.help} |" for s in SETTINGS]
    return "\n".join(rows)


def test_the_documentation_lists_every_setting_as_it_is() -> None:
    assert documented() in DOCS.read_text()


def test_all_problems_are_told_together(tmp_path: Path) -> None:
    wrong = {
        "CARMIC_HOME": str(tmp_path),
        "CARMIC_ENV": "production",
        "CARMIC_DATABASE_URL": "postgresql://host/db",
        "CARMIC_STORE_URL": "ftp://host",
        "CARMIC_THREADS": "none",
        "CARMIC_OUTBOUND_ALLOW": "10.0.0.0/99",
        "CARMIC_SECRET_KEY": "short",
    }
    with pytest.raises(SettingsError) as told:
        load(wrong)
    for name in (*wrong, "CARMIC_PUBLIC_URL"):
        if name not in ("CARMIC_HOME", "CARMIC_ENV"):
            assert any(name in problem for problem in told.value.problems), name


def test_a_home_makes_its_key_once_and_keeps_it_to_itself(tmp_path: Path) -> None:
    first = load({"CARMIC_HOME": str(tmp_path)})
    again = load({"CARMIC_HOME": str(tmp_path)})
    other = load({"CARMIC_HOME": str(tmp_path / "other")})
    assert first.secret_key == again.secret_key != other.secret_key
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0
