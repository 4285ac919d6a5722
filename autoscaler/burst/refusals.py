"""Why a move was not begun, or did not come to its end; each with the exit code of the console."""

from autoscaler.act.update_errors import StackConflict


class MoveRefused(Exception):
    """The move cannot be made as things are; nothing was changed. The message says what helps."""

    exit_code = 2


class MoveFailed(Exception):
    """The move was begun and did not end well; the message says what was undone and what is left."""

    exit_code = 1


class MoveUnderWay(StackConflict):
    """Another move of the application is under way, or left by a process that was killed."""


class CloudAway(MoveFailed):
    """The cloud's API server does not answer."""


class MoveInterrupted(Exception):
    """`give_up` was set: the move stopped between two steps, and its record is kept."""

    exit_code = 130
