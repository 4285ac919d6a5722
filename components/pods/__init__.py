"""Members as Pods: pure functions from a plan to Kubernetes' own objects."""
