"""What an operator or a crash can do to the files of a state server: restore an old copy, or truncate a file."""

import shutil
from pathlib import Path

from redis import Redis

from bluelamp.embedded.state import StateServer

_APPEND_ONLY = "appendonlydir"
_MANIFEST = "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"


def snapshot(server: StateServer, place: Path) -> Path:
    """Save the state as an RDB file, which is copied to `place`."""
    with Redis.from_url(server.url) as redis:
        redis.save()
    return Path(shutil.copy(server.directory / "dump.rdb", place))


def restore(server: StateServer, rdb: Path) -> None:
    """Kill the server, and restart it from an RDB file instead of its own data."""
    server.kill()
    files = server.directory / _APPEND_ONLY
    shutil.rmtree(files)
    files.mkdir()
    shutil.copy(rdb, files / "appendonly.aof.1.base.rdb")
    (files / "appendonly.aof.1.incr.aof").touch()
    (files / "appendonly.aof.manifest").write_text(_MANIFEST)
    server.start()


def cut_short(server: StateServer, share: float) -> int:
    """Kill the server, truncate its append-only file by a share, and restart it; returns how many bytes were removed."""
    server.kill()
    last = max((server.directory / _APPEND_ONLY).glob("*.incr.aof"), key=lambda path: path.stat().st_mtime)
    size = last.stat().st_size
    with last.open("r+b") as file:
        file.truncate(int(size * (1 - share)))
    server.start()
    return size - last.stat().st_size
