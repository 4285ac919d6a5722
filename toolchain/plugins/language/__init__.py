"""A language host for Python programs, where the vendor's is not to be had."""
