"""What the autoscaler tells: metrics, health, explanations."""
