"""Other autoscalers' published algorithms, for comparison on the same replay.

Each is written from its project's public description and source, keeps that project's defaults, and sees
the metrics that project would see, with their age.
"""

from autoscaler.replay.peers.scaler import Scaler, View

__all__ = ["Scaler", "View"]
