"""What an import carried over, changed, and left behind, each with its reason and place."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from blueprints.findings import Finding
from blueprints.model import Document

Outcome = Literal["carried over", "changed", "not carried over", "broken"]

OUTCOMES: tuple[Outcome, ...] = ("broken", "not carried over", "changed", "carried over")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing the import has to say."""

    outcome: Outcome
    file: str
    line: int
    subject: str
    """What it is about, such as `cartridge php`."""
    text: str
    """What happened and why."""


@dataclass(slots=True)
class ImportReport:
    """The outcome of an import."""

    source: Path
    artifacts: bool = True
    """Whether repositories are carried over."""
    files: int = 0
    noted: dict[Entry, None] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    """The documents made, by the path they are written to below the output folder."""
    copies: dict[str, Path] = field(default_factory=dict)
    """Folders of image sources to copy beside the documents."""
    findings: tuple[Finding, ...] = ()
    """What validation says about the written documents."""

    def add(self, outcome: Outcome, file: Path, line: int, subject: str, text: str) -> None:
        """Note one thing; the same thing is noted once."""
        self.noted.setdefault(Entry(outcome, str(file), line, subject, text))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything noted, in the order in which it was."""
        return tuple(self.noted)

    def of(self, outcome: Outcome) -> tuple[Entry, ...]:
        """The entries of one outcome, by file and line."""
        return tuple(
            sorted((e for e in self.entries if e.outcome == outcome), key=lambda e: (e.file, e.line))
        )

    @property
    def counts(self) -> Mapping[str, int]:
        """How many entries there are of each outcome."""
        return Counter(e.outcome for e in self.entries)

    def render(self) -> str:
        """The report as text: what needs attention first."""
        lines: list[str] = []
        for outcome in OUTCOMES:
            entries = self.of(outcome)
            if entries:
                lines += [f"{outcome} ({len(entries)})", ""]
                lines += [f"  {e.file}:{e.line}: {e.subject}: {e.text}" for e in entries]
                lines.append("")
        errors = sum(1 for f in self.findings if f.severity == "error")
        verdict = "they validate" if not errors else f"they have {errors} errors"
        lines.append(f"{self.files} files read, {len(self.documents)} documents made; {verdict}")
        return "\n".join(lines) + "\n"

    def render_json(self) -> str:
        """The report as JSON."""
        data = {
            "source": str(self.source),
            "files": self.files,
            "documents": list(self.documents),
            "entries": [
                {"outcome": e.outcome, "file": e.file, "line": e.line, "subject": e.subject, "text": e.text}
                for outcome in OUTCOMES
                for e in self.of(outcome)
            ],
        }
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
