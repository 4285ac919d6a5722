"""Repositories of applications and signups, without the credentials that stood in them."""

import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from blueprints.stratos.naming import alias_of
from blueprints.stratos.record import Record
from blueprints.stratos.report import ImportReport


def artifact(repository: Record, alias: str, subject: str, report: ImportReport) -> dict[str, Any] | None:
    """The artifact of a repository; nothing where it has no usable address."""
    url = repository.text("repoUrl")
    if not url:
        return None
    line = repository.line_of("repoUrl")
    if not report.artifacts:
        for key in ("repoUsername", "repoPassword", "privateRepo", "alias"):
            repository.has(key)
        report.add(
            "not carried over", repository.file, line, subject, "the repository, as artifacts were not wanted"
        )
        return None
    address, user = _without_credentials(url)
    if address != url:
        report.add(
            "changed", repository.file, line, subject, "credentials are taken out of the repository's address"
        )
    if not re.fullmatch(r"((https?|ssh|git|file)://|git@)\S+", address):
        report.add(
            "not carried over", repository.file, line, subject, f"{address!r} is not a repository's address"
        )
        return None
    found: dict[str, Any] = {"git": address}
    user = repository.text("repoUsername") or user
    if repository.text("repoPassword") or repository.boolean("privateRepo"):
        secret = f"{alias_of(alias, 50)}-git"
        credentials: dict[str, Any] = {"password": {"secret": secret}}
        if user:
            credentials["username"] = user
        found["credentials"] = credentials
        report.add(
            "changed", repository.file, repository.line, subject,
            f"the password is not written down: keep it as the secret {secret!r}",
        )  # fmt: skip
    report.add(
        "changed", repository.file, line, subject,
        "the repository's own default branch is followed; Stratos knew master only",
    )  # fmt: skip
    return found


def _without_credentials(url: str) -> tuple[str, str]:
    """The address without user and password, and the user."""
    if "://" not in url:
        return url, ""
    try:
        parts = urlsplit(url)
        user = parts.username or ""
    except ValueError:
        return url, ""
    if parts.scheme == "ssh" or "@" not in parts.netloc:
        return url, ""
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])), user
