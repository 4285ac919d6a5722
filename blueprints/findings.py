"""What validation finds: stable codes, places in files, and the report that holds them all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from blueprints.workspace import Workspace

Severity = Literal["error", "warning", "note"]

CODES: Mapping[str, str] = {
    # reading
    "ALT1001": "The file cannot be read.",
    "ALT1002": "The file is not UTF-8 text.",
    "ALT1003": "The file is larger than documents may be.",
    "ALT1004": "The file is not valid YAML.",
    "ALT1005": "The file is not valid JSON.",
    "ALT1006": "A key stands twice in one mapping.",
    "ALT1007": "The nesting is deeper than documents may be.",
    "ALT1008": "Aliases expand to more than documents may hold.",
    "ALT1009": "An anchor, alias, tag or merge key cannot be used this way.",
    "ALT1010": "A document is not a mapping.",
    "ALT1011": "There are no documents to read.",
    # shape
    "ALT1101": "The apiVersion is missing or unknown.",
    "ALT1102": "The kind is missing or unknown.",
    "ALT1103": "A key is not known here.",
    "ALT1104": "A required key is missing.",
    "ALT1105": "A value has the wrong type.",
    "ALT1106": "A value is not one of those allowed.",
    "ALT1107": "A name is malformed.",
    "ALT1108": "A quantity or its unit is malformed.",
    "ALT1109": "A number is out of range.",
    "ALT1110": "A text or a list is too short or too long.",
    "ALT1111": "Exactly one of several keys must be given.",
    "ALT1112": "A minimum is over its maximum.",
    "ALT1113": "A value is malformed.",
    "ALT1114": "Two entries have the same name.",
    "ALT1115": "One port has two owners.",
    "ALT1116": "A reference inside the document leads nowhere.",
    # across documents
    "ALT1201": "Two documents have the same kind and name.",
    "ALT1202": "A reference to another document leads nowhere.",
    "ALT1203": "Groups contain each other.",
    "ALT1204": "Two members of one level have the same alias.",
    "ALT1205": "A startup or scaling rule names something that is not a direct child.",
    "ALT1206": "The startup order is a cycle.",
    "ALT1207": "A scaling rule is wrong.",
    "ALT1208": "Two deployment policies apply to one branch.",
    "ALT1209": "The partitions cannot hold the minimum members.",
    "ALT1210": "A network partition of the application policy is in no deployment policy.",
    "ALT1211": "A reference to an export leads nowhere.",
    "ALT1212": "Two documents own the same address.",
    "ALT1213": "A reference to a cluster or group leads nowhere.",
    "ALT1214": "A file beside the document is missing.",
    "ALT1215": "The tenant's rules do not allow this.",
    "ALT1216": "An application or group has nothing to run.",
    "ALT1217": "An artifact has no place in its cartridge, or a cartridge lacks its artifact.",
    "ALT1218": "A load balancer is asked for where it does not fit.",
    "ALT1219": "A number can never be reached.",
    "ALT1220": "An application, or the nesting of its groups, is too large.",
    "ALT1221": "A load balancer's driver is not there, or cannot do what is asked of it.",
    "ALT1222": "Routes that match alike contradict each other.",
    "ALT1223": "A place of an application policy never gets a copy.",
    "ALT1224": "A setting does nothing where it stands.",
    # scale
    "ALT1301": "A scale names something the application does not have.",
    "ALT1302": "A scale is out of its range.",
    "ALT1303": "A scale is malformed.",
    "ALT1304": "A revision that the application is pinned to is not kept.",
}
"""Every code with what it stands for; a code's meaning never changes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong, or worth knowing, at one place."""

    code: str
    message: str
    file: str = ""
    line: int = 0
    """Counted from 1; 0 where the finding is about the whole file."""
    column: int = 0
    end_column: int = 0
    path: str = ""
    """The place inside the document, such as `cartridges[0].members.min`."""
    value: str = ""
    allowed: tuple[str, ...] = ()
    nearest: str = ""
    hint: str = ""
    severity: Severity = "error"
    source_line: str = ""

    @property
    def place(self) -> str:
        """`file:line:column`, as far as it is known."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a validation: all findings, in the order of their places."""

    findings: tuple[Finding, ...]
    documents: int
    files: int
    workspace: "Workspace" = field(repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether there are no errors; warnings and notes do not count."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make the documents unusable."""
        return tuple(f for f in self.findings if f.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings worth a look."""
        return tuple(f for f in self.findings if f.severity == "warning")


class DocumentError(Exception):
    """Documents that cannot be used, with every reason."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(
            "\n".join(f"{f.place}: {f.message}" if f.place else f.message for f in self.findings)
        )
