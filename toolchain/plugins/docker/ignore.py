"""`.dockerignore`: which files of a build context stay behind.

Patterns are Go's `filepath.Match` with `**` added; later lines win; `!` takes back.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    excludes: bool


class IgnoreRules:
    """The rules of one file."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._rules = [rule for line in lines if (rule := _rule(line))]
        self.takes_back = any(not rule.excludes for rule in self._rules)

    def excludes(self, path: str) -> bool:
        """Whether the file or folder at `path` (relative, with slashes) is left out.

        A rule that matches a folder holds for all below it.
        """
        names = [path, *map(str, PurePosixPath(path).parents)][:-1] if "/" in path else [path]
        excluded = False
        for rule in self._rules:
            if any(rule.pattern.fullmatch(name) for name in names):
                excluded = rule.excludes
        return excluded


def _rule(line: str) -> _Rule | None:
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    excludes = not text.startswith("!")
    text = text.removeprefix("!").strip().strip("/")
    text = str(PurePosixPath(text)) if text else ""
    if text in ("", "."):
        return None
    return _Rule(re.compile(_translate(text)), excludes)


def _translate(glob: str) -> str:
    expression, index = "", 0
    while index < len(glob):
        char = glob[index]
        if glob.startswith("**/", index):
            expression += "(?:.*/)?"
            index += 3
            continue
        if glob.startswith("**", index):
            expression += ".*"
            index += 2
            continue
        if char == "*":
            expression += "[^/]*"
        elif char == "?":
            expression += "[^/]"
        elif char == "\\" and index + 1 < len(glob):
            index += 1
            expression += re.escape(glob[index])
        elif char == "[" and (end := glob.find("]", index + 2)) > 0:
            body = glob[index + 1 : end].replace("\\", "\\\\")
            expression += f"[{body}]"
            index = end
        else:
            expression += re.escape(char)
        index += 1
    return expression
