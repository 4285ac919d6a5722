"""Forecasts of load from its own past: pure, incremental, serialisable."""
