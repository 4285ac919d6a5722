"""Load balancers: what an application's documents ask of them, in words that every driver understands."""
