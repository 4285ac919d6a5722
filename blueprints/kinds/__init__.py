"""Every kind of document, one a module, and the table of them by name."""
