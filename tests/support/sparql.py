"""Graphs that the served corpus has, and a query of each form that every store answers."""

from __future__ import annotations

GRAPH = "https://w3id.org/zhengmai/graph/"
DATA = [
    f"{GRAPH}document/{slug}" for slug in ("420115-jiangxia-2024", "150300-wuhai-2024", "360704-ganxian-2024")
]
FORMS = {
    "SELECT": "SELECT ?s ?o { ?s <http://purl.org/dc/terms/title> ?o } ORDER BY ?o LIMIT 5",
    "ASK": "ASK { ?s <http://purl.org/dc/terms/title> ?o }",
    "CONSTRUCT": "CONSTRUCT { ?s <urn:t> ?o } { { SELECT * { ?s <http://purl.org/dc/terms/title> ?o } ORDER BY ?o LIMIT 5 } }",
    "DESCRIBE": f"DESCRIBE <{DATA[0].replace('graph/document', 'id/document')}>",
}
