"""Guard rails: what no update may do. Rules are pure functions; the policy pack around them is thin."""
