"""Decisions about member counts: functions over data, without clock, network or Pulumi."""
