"""Where members go: network partitions and partitions filled by policy. Pure."""
