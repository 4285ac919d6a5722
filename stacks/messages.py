"""What the program says when a person has to put something right."""

from blueprints.findings import DocumentError
from blueprints.render.human import render_finding
from stacks.settings import SettingsError


def of_settings(stack: str, error: SettingsError) -> str:
    """All faults of a stack's settings."""
    faults = "\n".join(f"  {problem}" for problem in error.problems)
    return f"the settings of stack {stack} are not right:\n{faults}"


def of_documents(error: DocumentError) -> str:
    """All findings of documents, each with its place, its code and a hint."""
    return "the documents cannot be used:\n" + "\n".join(render_finding(each) for each in error.findings)
