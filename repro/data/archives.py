"""Members of archives, read without unpacking anything to disk."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from repro.data.errors import DataCorrupt

NOWHERE = "/nowhere"  # members are judged as if they were unpacked there; none is


def read_members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in a tar archive, compressed or not; folders are passed over.

    Members must pass tarfile's ``data`` filter and, beyond it, be plain files without ``..`` or a leading ``/``.
    Raises DataCorrupt naming the archive and the member that is not, or the archive that cannot be read.
    """
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                _refuse_unsafe(archive, member)
                content = tar.extractfile(member)
                if content is not None:
                    yield member.name, content.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataCorrupt(f"{archive} can't be read as an archive: {error}") from error


def _refuse_unsafe(archive: Path, member: tarfile.TarInfo) -> None:
    try:
        tarfile.data_filter(member, NOWHERE)
    except tarfile.FilterError as error:
        raise DataCorrupt(f"{archive} holds {member.name!r}, which tarfile refuses: {error}") from error
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or not (member.isreg() or member.isdir()):
        raise DataCorrupt(f"{archive} holds {member.name!r}, which is no plain file inside the archive: refused")
