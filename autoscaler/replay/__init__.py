"""Replay of load traces against a simulated cluster: this project's controller and its peers."""
