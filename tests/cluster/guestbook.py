"""The guest book with more around it: a group that can have several instances, and values of one's own."""

import json
import os
import shutil
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.demo import ROOT, Demo
from tests.waiting import until

NAME = "guestbook"
_LIBRARY = ROOT / "blueprints" / "library"


@dataclass
class GuestBook:
    """The deployed application; `documents` can be changed and updated with."""

    demo: Demo
    folder: Path
    namespace: str = ""

    @property
    def stack(self) -> str:
        return f"app-{NAME}-{os.getpid()}"

    @property
    def documents(self) -> Path:
        return self.folder / "guestbook.yaml"

    def up(self) -> str:
        return self.demo.alto("up", self.stack).stdout

    def scale(self, *wanted: str) -> None:
        self.demo.alto("scale", self.stack.removeprefix("app-"), *wanted)

    def edit(self, change: Any) -> None:
        """Change the documents, given as a list, and update."""
        found = list(yaml.safe_load_all(self.documents.read_text()))
        change({document["name"]: document for document in found})
        self.documents.write_text(yaml.safe_dump_all(found, sort_keys=False))
        self.up()

    def urls(self) -> list[str]:
        return self.demo.alto("url", self.stack.removeprefix("app-")).stdout.split()

    def entries(self, text: str | None = None) -> dict[str, Any]:
        """What the book answers, after writing `text` into it. Raises OSError."""
        data = None if text is None else f"text={text}".encode()
        with urllib.request.urlopen(f"{self.urls()[0]}/entries", data, timeout=60) as answer:  # noqa: S310
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def await_entry(self, text: str, limit: float = 90.0) -> dict[str, Any]:
        """The book once it has an entry of this text again."""

        def has_entry() -> dict[str, Any] | None:
            try:
                found = self.entries()
            except OSError:
                return None
            return found if text in [entry["text"] for entry in found["entries"]] else None

        return until(has_entry, f"an entry {text!r}", limit)

    def get(self, *what: str) -> Any:
        return self.demo.kubectl("--namespace", self.namespace, "get", *what)

    def members(self, cluster: str = "") -> dict[str, str]:
        """The unique ids of running members by name: all, or those of one cluster."""
        label = [f"--selector=altostratus.dev/cluster={cluster}"] if cluster else []
        return {
            pod["metadata"]["name"]: pod["metadata"]["uid"]
            for pod in self.get("pods", *label)["items"]
            if "deletionTimestamp" not in pod["metadata"]
        }


def write_documents(folder: Path) -> None:
    """The sample with ranges to scale in, and a group `extras` of pages that export a value and a file."""
    shutil.copytree(_LIBRARY / "samples" / "guestbook", folder, dirs_exist_ok=True)
    shutil.copytree(_LIBRARY / "static", folder / "pages")
    cartridge = yaml.safe_load((folder / "pages" / "cartridge.yaml").read_text())
    cartridge["name"] = "pages"
    cartridge["exports"] |= {"motto": {"value": "one"}, "style": {"file": "motto=one\n"}}
    (folder / "pages" / "cartridge.yaml").unlink()
    cartridge["build"] = {"context": "pages"}
    (application,) = yaml.safe_load_all((folder / "guestbook.yaml").read_text())
    clusters = {each["alias"]: each for each in application["cartridges"]}
    clusters["web"]["members"] = {"min": 1, "max": 4}
    clusters["counter"]["members"] = {"min": 1, "max": 2}
    application["groups"] = [
        {
            "alias": "extras",
            "instances": {"min": 1, "max": 3},
            "cartridges": [{"alias": "pages", "cartridge": "pages"}],
        }
    ]
    application["startup"].append(["extras", "web"])
    text = yaml.safe_dump_all([cartridge, application], sort_keys=False)
    (folder / "guestbook.yaml").write_text(text)


def now() -> str:
    """A text that no earlier run has written."""
    return f"entry-{time.time_ns()}"
