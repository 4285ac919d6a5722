"""What a stack reads from those it stands on: each read once, and explained when it is not there."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from stacks.names import reference


class OtherStack:
    """The outputs of another stack of this project."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._reference = pulumi.StackReference(reference(name))

    def require(self, output: str) -> pulumi.Output[Any]:
        """One output; a secret stays one. Stops the update, in words, where the stack does not have it."""

        def found(value: Any) -> Any:
            if value is None:
                raise pulumi.RunError(
                    f"stack {self._name} has no output {output!r}.\n"
                    f"  Update it first: pulumi up --stack {self._name}"
                )
            return value

        return self._reference.get_output(output).apply(found)

    def known(self, output: str, otherwise: Any) -> pulumi.Output[Any]:
        """One output; `otherwise` where the stack, made by an older version, does not have it."""
        return self._reference.get_output(output).apply(lambda value: otherwise if value is None else value)


def served_at(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where the ports of Services are open: at the nodes' public addresses where they have some."""
    return [str(node.get("publicAddress") or node["address"]) for node in nodes]
