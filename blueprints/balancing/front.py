"""What a front door's balancer and whoever steers it agree on: the names of its split and its backends."""

SPLIT = "front"
"""The split that shares the requests among the places."""
PLACES = tuple(f"place-{number}" for number in range(1, 9))
"""The backends. Each is for one cloud at a time, so that a new cloud needs no new configuration."""
CONTROL = "control/control.json"
"""The file with the balancer's control data, in the folder of the door's files."""
TOLD = "control/front.json"
"""The file beside it with what the door was told, by cloud."""
TOKEN = "token/token"  # noqa: S105
"""The file with the token that readers of its state show."""
