"""The vocabulary of Zhengmai: the OWL ontology, the SKOS schemes, and both as Python values.

* ``zhengmai.ttl`` says what kinds of things stand in the graph and how they are joined;
* ``vocabularies/{scheme}.ttl`` hold the concepts: domains, indicators, functions of agencies, units;
* :mod:`ontology.terms` has the namespaces and builds every IRI of the project;
* :mod:`ontology.vocabulary` reads the schemes;
* :mod:`ontology.reasoning` asks whether the ontology can be true, and what follows (``inferred.ttl``);
* :mod:`ontology.documentation` has all terms for pages, with ``examples/``.

This package imports nothing else of the project.
"""
