"""Files put into a container before it starts, as the tar archive that the engine takes."""

import base64
import binascii
import io
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

from toolchain.plugins.protocol import Failure, Properties


def archive(uploads: Sequence[Properties]) -> bytes:
    """One tar with all files, to be unpacked at `/`. Raises `Failure` where a source cannot be read."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for upload in uploads:
            content = _content(upload)
            header = tarfile.TarInfo(str(upload["file"]).lstrip("/"))
            header.size = len(content)
            header.mode = _mode(upload)
            header.mtime = int(time.time())
            header.uid = int(upload.get("owner") or 0)
            header.gid = int(upload.get("group") or 0)
            tar.addfile(header, io.BytesIO(content))
    return buffer.getvalue()


def _content(upload: Properties) -> bytes:
    if upload.get("content") is not None:
        return str(upload["content"]).encode()
    if upload.get("contentBase64") is not None:
        try:
            return base64.b64decode(upload["contentBase64"], validate=True)
        except binascii.Error as error:
            raise Failure(f"the content of {upload['file']} is not base64: {error}") from None
    try:
        return Path(str(upload["source"])).read_bytes()
    except OSError as error:
        raise Failure(
            f"{upload['source']}, to be put at {upload['file']}, cannot be read: {error.strerror}"
        ) from None


def _mode(upload: Properties) -> int:
    if upload.get("permissions"):
        return int(str(upload["permissions"]), 8)
    return 0o744 if upload.get("executable") else 0o644
