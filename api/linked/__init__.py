"""Linked data: what an IRI of the graph answers, and the graph to take away."""
