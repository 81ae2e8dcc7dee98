"""From a document to the graph, one direction: reading, outline, extraction, record, linking, triples, cascade, store."""
