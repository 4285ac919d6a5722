"""Plugins of the Pulumi engine, for machines that reach only package registries."""
