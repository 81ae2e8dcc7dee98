"""The service: SPARQL, questions, plans and findings over HTTP, for programs and as pages."""
