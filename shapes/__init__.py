"""What the graph is held to, and how a breach is told to people.

* ``*.ttl``                the rules, one file a topic; ``words.ttl`` the words that belong to no single rule
* :mod:`shapes.rules`      the words beside the rules
* :mod:`shapes.validation` the rules applied to a graph, by pySHACL
* :mod:`shapes.findings`   what came out, as findings with both passages
* :mod:`shapes.reports`    findings for the terminal, a browser, a programme, a SHACL tool

A rule is added by adding a Turtle file to this folder; no Python is needed (see the head of ``comparison.ttl``).
"""
