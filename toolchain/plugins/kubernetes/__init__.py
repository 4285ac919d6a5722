"""A resource plugin for the Kubernetes types used here, alike to the vendor's 4.34.2 on the wire."""
