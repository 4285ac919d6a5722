"""The `altostratus` resource plugin: certificates, passwords, discovery tokens, and hosts that joined."""
