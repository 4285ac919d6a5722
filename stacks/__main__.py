"""The Pulumi program: the stack's name says what it makes."""

import pulumi

from blueprints.findings import DocumentError
from components.pods.errors import ApplicationError
from stacks import names
from stacks.holders import ApplicationTaken
from stacks.messages import of_documents, of_settings
from stacks.settings import SettingsError
from toolchain.errors import ToolchainError


def main(name: str) -> None:
    """Build the stack of that name. Raises pulumi.RunError, in words, for everything people can put right."""
    try:
        stack = names.parse(name)
        # Each kind imports what it needs only: an update of an application loads no Docker.
        if stack.kind == "hosts":
            from stacks import hosts

            hosts.build(stack.subject)
        elif stack.kind == "platform":
            from stacks import platforms

            platforms.build(stack)
        elif stack.kind == "images":
            from stacks import images

            images.build(stack)
        elif stack.kind == "front":
            from stacks import front

            front.build(stack)
        else:
            from stacks import app

            app.build(stack)
    except SettingsError as error:
        raise pulumi.RunError(of_settings(name, error)) from error
    except DocumentError as error:
        raise pulumi.RunError(of_documents(error)) from error
    except (names.UnknownStack, ApplicationError, ApplicationTaken, ToolchainError) as error:
        raise pulumi.RunError(str(error)) from error


if __name__ == "__main__":
    main(pulumi.get_stack())
