"""Derivations that were rendered before: text in the user's cache directory, which may be deleted at any time.

An entry is JSON and nothing in it is executed. It is read only from a directory and a file that belong to this user and
that no one else can write, and it is keyed by the sources of the theory, by versions and by what was asked. Whatever is
wrong with the cache, the derivation is done anew.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

from evenflow import __version__

SOURCES = Path(__file__).parents[1] / "theory"
LIBRARIES = "sympy", "mpmath"
PREFIX = "derivations-"
WRITABLE = stat.S_IWGRP | stat.S_IWOTH
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
Entry = dict[str, Any]


def folder() -> Path:
    """Where this platform keeps what can be made again, or XDG_CACHE_HOME."""
    given = os.environ.get("XDG_CACHE_HOME")
    if given:
        return Path(given) / "evenflow"
    return Path.home() / (Path("Library", "Caches") if sys.platform == "darwin" else Path(".cache")) / "evenflow"


@functools.cache
def key(sources: Path = SOURCES) -> str:
    """What the entries depend on: the theory's sources, and the versions of all that makes text of them."""
    found = hashlib.sha256(repr((__version__, sys.version, *map(importlib.metadata.version, LIBRARIES))).encode())
    for path in sorted(sources.rglob("*.py")):
        content = path.read_bytes()
        found.update(f"{path.relative_to(sources)} {len(content)}\n".encode() + content)
    return found.hexdigest()


def load(*request: str | None) -> Entry | None:
    """What was kept for this request; None where there is nothing that can be trusted."""
    place = _place(request)
    try:
        if place is None or not _ours(os.lstat(place.parent.parent)) or not _ours(os.lstat(place.parent)):
            return None
        with open(os.open(place, os.O_RDONLY | NO_LINK), encoding="utf-8") as file:
            kept = json.load(file) if _ours(os.fstat(file.fileno())) else {}
        entry: Entry = kept["entry"]
        return entry if kept["digest"] == _digest(request, entry) else None
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):  # RuntimeError: there is no home directory
        return None


def store(entry: Entry, *request: str | None) -> None:
    """Keep an entry for a request, if that can be done, and drop what other sources or versions left."""
    place = _place(request)
    if place is None:
        return
    try:
        place.parent.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.parent.mkdir(exist_ok=True, mode=0o700)
        if not _ours(os.lstat(place.parent.parent)) or not _ours(os.lstat(place.parent)):
            return
        for old in place.parent.parent.glob(f"{PREFIX}*"):
            if old != place.parent:
                shutil.rmtree(old, ignore_errors=True)
        handle, name = tempfile.mkstemp(dir=place.parent)  # readable and writable by this user alone
        with open(handle, "w", encoding="utf-8") as file:
            json.dump({"digest": _digest(request, entry), "entry": entry}, file)
        Path(name).replace(place)
    except (OSError, RuntimeError):
        return


def _place(request: tuple[str | None, ...]) -> Path | None:
    """The file of a request; None where files have no owner to be told by."""
    if not hasattr(os, "getuid"):
        return None
    try:
        name = hashlib.sha256(json.dumps(request).encode()).hexdigest()
        return folder() / f"{PREFIX}{key()[:16]}" / f"{name}.json"
    except (OSError, RuntimeError):
        return None


def _ours(status: os.stat_result) -> bool:
    """Whether a file or directory is this user's, no one else can write it, and it is not a link."""
    return not stat.S_ISLNK(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & WRITABLE


def _digest(request: tuple[str | None, ...], entry: Entry) -> str:
    return hashlib.sha256(json.dumps([key(), request, entry], sort_keys=True).encode()).hexdigest()
