"""Values that must stand in no document and no report: passwords and the like, known by their names."""

import re

from blueprints.stratos.naming import name_of
from blueprints.stratos.record import Record
from blueprints.stratos.report import ImportReport

_NAMES = re.compile(
    r"pass(word|wd|phrase)|secret|credential|token|private_?key|api_?key|identity", re.IGNORECASE
)


def is_sensitive(name: str) -> bool:
    """Whether a value of that name is to be kept from others."""
    return _NAMES.search(name) is not None


def variable(
    name: str, value: str, of: str, record: Record, line: int, subject: str, report: ImportReport
) -> str | dict[str, str]:
    """The value of an environment variable: as it is, or a secret of the stack in its place."""
    if not value or not is_sensitive(name):
        return value
    secret = name_of(f"{of}-{name}")
    report.add(
        "changed", record.file, line, subject,
        f"the value of {name} is not written down: keep it as the secret {secret!r}",
    )  # fmt: skip
    return {"secret": secret}
