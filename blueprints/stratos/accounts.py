"""Stratos' tenants, users, signups and domain mappings."""

import re
from typing import Any

from blueprints.kinds.domain_mapping import DomainMapping
from blueprints.kinds.signup import Signup
from blueprints.kinds.tenant import Tenant
from blueprints.names import HOSTNAME_PATTERN
from blueprints.stratos.applications import ApplicationImport
from blueprints.stratos.artifacts import artifact
from blueprints.stratos.naming import free, name_of
from blueprints.stratos.record import Record
from blueprints.stratos.report import ImportReport


def tenant(record: Record, name: str, users: list[Record], report: ImportReport) -> Tenant:
    """A tenant with its administrator, and the users of the import where it is the only tenant."""
    subject = f"tenant {record.text('tenantDomain')}"
    people: list[dict[str, Any]] = []
    if record.text("admin"):
        people.append(_person(record, record.text("admin"), "owner"))
    for user in users:
        if user.text("userName") not in {p["name"] for p in people}:
            role = "owner" if user.text("role").lower() == "admin" else "operator"
            people.append(_person(user, user.text("userName"), role))
    for holder, key in ((record, "adminPassword"), *((user, "credential") for user in users)):
        if holder.has(key):
            report.add(
                "not carried over",
                holder.file,
                holder.line_of(key),
                subject,
                "passwords are never in documents",
            )
    domain = record.text("tenantDomain").lower()
    data: dict[str, Any] = {"name": name, "users": [p for p in people if not re.search(r"\s", p["name"])]}
    if re.search(HOSTNAME_PATTERN, domain) and len(domain) <= 253:
        data["domain"] = domain
    if record.has("active") and not record.boolean("active"):
        data["active"] = False
    return Tenant.model_validate(data, by_name=False)


def _person(record: Record, name: str, role: str) -> dict[str, Any]:
    person: dict[str, Any] = {"name": name[:128], "role": role}
    email = record.text("email")
    if re.fullmatch(r"[^@\s]+@[^@\s]+", email) and len(email) <= 254:
        person["email"] = email
    for key in ("firstName", "lastName"):
        if record.text(key):
            person[key] = record.text(key)[:128]
    return person


def _path(theirs: str, application: ApplicationImport) -> str:
    """Our path of a cluster that Stratos calls by its alias, or by its type where that is enough."""
    if theirs in application.aliases:
        return application.aliases[theirs]
    paths = application.types.get(theirs, [])
    return paths[0] if len(paths) == 1 else ""


def signup(
    record: Record, application: ApplicationImport, name: str, taken: set[str], report: ImportReport
) -> Signup | None:
    """A signup beside an application: its repositories by cluster."""
    subject = f"signup to {name}"
    artifacts: dict[str, dict[str, Any]] = {}
    for repository in record.records("artifactRepositories"):
        theirs = repository.text("alias")
        path = _path(theirs, application)
        if not path:
            report.add(
                "not carried over", record.file, repository.line, subject,
                f"the repository of {theirs!r}, as the application has no such cluster",
            )  # fmt: skip
            continue
        if path != theirs:
            report.add("changed", record.file, repository.line, subject, f"{theirs!r} is taken as {path!r}")
        found = artifact(repository, path.rpartition("/")[2], subject, report)
        if found is not None:
            artifacts.setdefault(path, {"alias": path, "artifact": found})
    if not artifacts:
        report.add("not carried over", record.file, record.line, subject, "it has no repository of a cluster")
        return None
    data = {
        "name": free(name_of(f"{name}-signup"), taken),
        "application": name,
        "artifacts": list(artifacts.values()),
    }
    return Signup.model_validate(data, by_name=False)


def domain_mappings(
    record: Record,
    application: ApplicationImport,
    name: str,
    taken: set[str],
    addresses: set[tuple[str, str]],
    report: ImportReport,
) -> list[DomainMapping]:
    """One document for each mapping."""
    subject = f"domain mappings of {name}"
    found: list[DomainMapping] = []
    for mapping in record.records("domainMappings"):
        theirs, domain = mapping.text("cartridgeAlias"), mapping.text("domainName").lower()
        cluster = _path(theirs, application)
        path = mapping.text("contextPath") or "/"
        path = path if path.startswith("/") else f"/{path}"
        address = (domain, path.rstrip("/") or "/")
        why = ""
        if not cluster:
            why = f"the application has no cluster {theirs!r}"
        elif not domain or not re.search(HOSTNAME_PATTERN, domain) or len(domain) > 253:
            why = f"{domain!r} is not a host name"
        elif address in addresses:
            why = "the same address is mapped already"
        elif len(path) > 1024:
            why = "its path is too long"
        if why:
            report.add("not carried over", record.file, mapping.line, subject, f"{domain}{path}: {why}")
            continue
        addresses.add(address)
        data = {
            "name": free(name_of(f"{name}-{domain}"), taken),
            "application": name,
            "cluster": cluster,
            "domain": domain,
            "path": path,
        }
        found.append(DomainMapping.model_validate(data, by_name=False))
    return found
