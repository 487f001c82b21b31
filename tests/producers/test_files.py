"""Replacing a file: the old content or the new, and no draft left behind."""

import os
from pathlib import Path

import pytest

from producers.files import replace_file


def test_a_file_is_replaced_and_no_draft_is_left(tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        replace_file(tmp_path / "position.json", content)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"position.json": content}


def test_a_disk_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError("the disk is full")

    path = tmp_path / "position.json"
    replace_file(path, b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="the disk is full"):
        replace_file(path, b"new")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"position.json": b"old"}
