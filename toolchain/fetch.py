"""Vendor downloads: only over TLS, only with a published checksum, and only where the vendor answers."""

import fnmatch
import hashlib
import json
import os
import re
import tarfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from toolchain.errors import ToolchainError
from toolchain.pins import Download

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 2.0
PROBE_SECONDS = 2.5  # for all hosts together: name lookups may hang longer than any connection
_READ_SECONDS = 60.0
_DIGEST = re.compile(r"^[0-9a-f]{64}$|^[0-9a-f]{128}$")


class Unavailable(Exception):
    """The vendor cannot be reached, or has no such file: another source must serve."""


class Vendors:
    """Which vendor hosts answer; asked once a run, all hosts at the same time."""

    def __init__(self) -> None:
        self._answers: dict[str, bool] = {}
        self._lock = threading.Lock()

    def probe(self, urls: Iterable[str]) -> None:
        """Find out about the hosts of `urls` in at most PROBE_SECONDS."""
        with self._lock:
            hosts = {urlsplit(url).netloc for url in urls} - self._answers.keys()
            if os.environ.get("ALTO_VENDOR_DOWNLOADS", "on").lower() in ("off", "no", "0", "false"):
                self._answers.update(dict.fromkeys(hosts, False))
                return
            if not hosts:
                return
            client = _client()  # made before the clock starts: loading its library takes time too
            # Daemon threads: a lookup that hangs must delay neither this nor the end of the program.
            threads = [threading.Thread(target=self._ask, args=(host, client), daemon=True) for host in hosts]
            for thread in threads:
                thread.start()
            deadline = time.monotonic() + PROBE_SECONDS
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))
            for host in hosts:
                self._answers.setdefault(host, False)

    def _ask(self, host: str, client: "httpx.Client") -> None:
        import httpx

        try:
            client.head(f"https://{host}/", follow_redirects=False)
            self._answers.setdefault(host, True)
        except (httpx.HTTPError, OSError):
            self._answers.setdefault(host, False)

    def answers(self, url: str) -> bool:
        self.probe([url])
        return self._answers[urlsplit(url).netloc]


def _client() -> "httpx.Client":
    import httpx

    timeout = httpx.Timeout(_READ_SECONDS, connect=CONNECT_SECONDS)
    return httpx.Client(timeout=timeout, follow_redirects=True, headers={"user-agent": "altostratus"})


def fetch(
    download: Download,
    programs: Path,
    wanted: Iterable[str],
    advance: Callable[[float], None] = lambda _: None,
    client: "httpx.Client | None" = None,
) -> None:
    """Put the programs of `download` that match a pattern of `wanted` into the folder `programs`.

    Raises Unavailable, or ToolchainError when what came is not what the vendor published.
    """
    import httpx

    file = programs.parent / f"download-{Path(urlsplit(download.url).path).name}"
    connection = client or _client()
    try:
        with connection:
            digest = _published_digest(connection, download)
            found = _save(connection, download.url, file, advance, len(digest))
    except (httpx.HTTPError, OSError) as error:
        file.unlink(missing_ok=True)
        raise Unavailable(f"{download.url}: {error}") from error
    try:
        if found != digest:
            raise ToolchainError(
                f"{download.url} is not the file that its vendor published: its digest is {found}, "
                f"{download.checksum} says {digest}",
                "Nothing was installed. Try again later; if it stays so, something between you and the "
                "vendor alters downloads. ALTO_VENDOR_DOWNLOADS=off builds from source instead.",
            )
        if download.saved_as:
            file.rename(programs / download.saved_as)
            (programs / download.saved_as).chmod(0o755)
        else:
            _unpack(file, download, programs, list(wanted))
    finally:
        file.unlink(missing_ok=True)


def _published_digest(client: "httpx.Client", download: Download) -> str:
    response = client.get(download.checksum)
    if response.status_code != 200:
        raise Unavailable(f"{download.checksum}: HTTP {response.status_code}")
    digest = parse_digest(response.text, Path(urlsplit(download.url).path).name)
    if digest is None:
        raise Unavailable(f"{download.checksum} holds no digest of {download.url}")
    return digest


def parse_digest(text: str, file: str) -> str | None:
    """The SHA-256 or SHA-512 digest of `file` in hex: from a release description of GitHub's (JSON), a
    list of `digest  file` lines, or a bare digest. None when there is none."""
    try:
        release = json.loads(text)
    except ValueError:
        release = None
    if isinstance(release, dict):
        for asset in release.get("assets", []):
            if asset.get("name") == file:
                digest = str(asset.get("digest") or "").removeprefix("sha256:").lower()
                return digest if _DIGEST.match(digest) else None
        return None
    lines = [line.split() for line in text.strip().splitlines()]
    for words in lines:
        if len(words) == 2 and _DIGEST.match(words[0].lower()) and Path(words[1].lstrip("*")).name == file:
            return words[0].lower()
    if len(lines) == 1 and len(lines[0]) == 1 and _DIGEST.match(lines[0][0].lower()):
        return lines[0][0].lower()
    return None


def _save(
    client: "httpx.Client", url: str, file: Path, advance: Callable[[float], None], digest_length: int
) -> str:
    """Stream `url` into `file`; the digest of what came, of the algorithm with `digest_length` digits."""
    digest = hashlib.sha256() if digest_length == 64 else hashlib.sha512()
    with client.stream("GET", url) as response, file.open("wb") as output:
        if response.status_code != 200:
            raise Unavailable(f"{url}: HTTP {response.status_code}")
        size = int(response.headers.get("content-length") or 0)
        got = 0
        for block in response.iter_bytes(1 << 20):
            output.write(block)
            digest.update(block)
            got += len(block)
            if size:
                advance(got / size)
    return digest.hexdigest()


def _unpack(archive: Path, download: Download, programs: Path, wanted: list[str]) -> None:
    """Take only the wanted regular files: names in an archive are not to be trusted with paths."""
    with tarfile.open(archive) as tar:
        for member in tar:
            path = Path(member.name)
            inside = path.parent == Path(download.member or ".")
            if not (member.isreg() and inside and any(fnmatch.fnmatch(path.name, w) for w in wanted)):
                continue
            source = tar.extractfile(member)
            if source is None:
                continue
            target = programs / path.name
            with target.open("wb") as output:
                while block := source.read(1 << 20):
                    output.write(block)
            target.chmod(0o755)
