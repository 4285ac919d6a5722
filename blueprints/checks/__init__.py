"""Checks that need more than one part of a document, or more than one document."""
