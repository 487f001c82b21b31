"""The profiles of a process: those that come with Blue Lamp, and those in BLUELAMP_FORCES."""

from importlib.resources import files
from pathlib import Path

import pytest

from bluelamp.wiring.settings import Settings, load_forces
from facts.errors import ProfileError
from tests.support.forces import STRICT_PROFILE

SHIPPED = ["san_francisco_fire", "staffordshire"]


def test_profiles_are_added_to_those_that_come_with_blue_lamp(tmp_path: Path) -> None:
    assert list(load_forces(Settings())) == SHIPPED
    (tmp_path / "strict.toml").write_text(STRICT_PROFILE)
    assert list(load_forces(Settings(forces=str(tmp_path)))) == [*SHIPPED, "strict"]


def test_a_profile_of_the_same_force_replaces_the_one_that_comes_with_blue_lamp(tmp_path: Path) -> None:
    own = files("facts").joinpath("forces", "san_francisco_fire.toml").read_text("utf-8")
    title = next(line for line in own.splitlines() if line.startswith("title"))
    (tmp_path / "mine.toml").write_text(own.replace(title, 'title = "Mine"'))
    forces = load_forces(Settings(forces=str(tmp_path)))
    assert (list(forces), forces["san_francisco_fire"].force.title) == (SHIPPED, "Mine")


def test_two_profiles_of_one_force_are_refused(tmp_path: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(STRICT_PROFILE)
    with pytest.raises(ProfileError, match="The force 'strict' has two profiles"):
        load_forces(Settings(forces=str(tmp_path)))


def test_a_profile_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "strict.toml").write_bytes(b"\xff")
    with pytest.raises(ProfileError, match=r"The profile is not UTF-8 text\.\n  where: strict\.toml"):
        load_forces(Settings(forces=str(tmp_path)))


def test_a_directory_without_a_profile_is_refused(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ProfileError) as caught:
            load_forces(Settings(forces=str(directory)))
        assert "BLUELAMP_FORCES" in caught.value.hint + caught.value.where
