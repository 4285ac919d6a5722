"""Drivers of load balancers, built-in and installed."""
