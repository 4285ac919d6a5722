"""Load balancers: a component, and drivers that turn the neutral model into something that runs."""
