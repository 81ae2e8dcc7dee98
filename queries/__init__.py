"""Questions to the graph: the `.rq` files and their catalogue, and the bounded executor that every query goes through."""
