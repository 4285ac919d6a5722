"""How the data of one cluster is followed by the same cluster of another copy of its application.

In a copy that follows, members get the variable `ALTO_REPLICATE_FROM` (host:port of the cluster at home)
beside everything they get at home, generated passwords included. Their image then begins with home's data,
refuses writes, and is not ready before it is in sync. What else has to be done is done by these commands,
run in a member's main container; each can be run again at any time, and what it changes outlives the member.
"""

from typing import Annotated

from pydantic import Field

from blueprints.model import Items, Model
from blueprints.names import PortName

REPLICATE_FROM = "ALTO_REPLICATE_FROM"
"""The variable that tells a member whom it follows."""

Command = Annotated[Items[str], Field(min_length=1)]


class Replication(Model):
    """How another copy's members follow this cluster's data, and take over from it."""

    port: PortName | None = None
    """The name of the port they follow it on; left out, the first."""
    position: Command
    """Prints how far the data is, in one line. At home, run while it takes no writes."""
    reached: Command
    """Ends with code 0 when a follower's data is as far as the position in its last argument."""
    read_only: Command
    """Makes home refuse writes, ends its clients' connections, and leaves followers theirs."""
    writable: Command
    """Makes home take writes again."""
    promote: Command
    """Makes a follower stand on its own and take writes."""
    behind: Items[str] = ()
    """Prints by how many seconds a follower is behind; nothing where it cannot tell."""
