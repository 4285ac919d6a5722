"""Reports for people and for machines: plain text, JSON and SARIF."""
