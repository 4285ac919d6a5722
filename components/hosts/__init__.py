"""Host clusters: machines that boot an Ignition config and join into one Kubernetes cluster."""
