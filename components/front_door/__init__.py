"""The front door: one stable address of an application over all its copies, and drivers that make it."""
