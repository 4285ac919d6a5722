"""Drawings of a plan: a tree for the terminal, a graph as DOT, and the same graph as SVG."""
