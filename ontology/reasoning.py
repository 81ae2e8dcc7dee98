"""Whether the ontology can be true, and what follows from it: HermiT through Owlready2 (needs Java).

What may go wrong unseen, and is looked after here: Owlready2 reads Turtle as an empty ontology without an error, so it
gets RDF/XML and the classes that arrive are counted; HermiT knows no xsd:gYear, xsd:date or rdf:langString, which are
named before it fails on them; and Owlready2 writes back only the most specific superclass, so that all are collected.

What follows stands in ``inferred.ttl``, which builds and pages read: neither needs Java.
"""

import io
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from rdflib import Graph, URIRef
from rdflib.namespace import OWL, RDF, RDFS, XSD

from ontology.terms import PREFIXES, ZM
from ontology.vocabulary import VocabularyError, ontology_graph

INFERRED: Final = "inferred.ttl"
ALIGNED: Final = "aligned.ttl"
_UNKNOWN_TO_HERMIT: Final = {XSD.gYear, XSD.gYearMonth, XSD.date, XSD.time, XSD.duration, RDF.langString}
_HEAD: Final = """\
# All superclasses of each class, as HermiT finds them from zhengmai.ttl and aligned.ttl; owl:Thing is left out.
# Made by `zhengmai ontology check --write`; builds put it into graph:inferred.
"""


class ReasoningError(Exception):
    """The reasoner could not be asked: no Java, or an ontology that did not arrive whole."""


@dataclass(frozen=True, slots=True)
class Classification:
    """What the reasoner found.

    ``superclasses`` has for each class all others that it stands under; ``unsatisfiable`` are the classes that can
    have no member. Of an inconsistent ontology nothing else can be said: then both are empty.
    """

    classes: int
    consistent: bool
    unsatisfiable: tuple[URIRef, ...]
    superclasses: Mapping[URIRef, tuple[URIRef, ...]]
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether the ontology is consistent and each class can have members."""
        return self.consistent and not self.unsatisfiable


def whole_ontology() -> Graph:
    """Return the ontology with what the vocabularies that it is aligned to say of their classes (``aligned.ttl``)."""
    graph = ontology_graph()
    aligned = Graph().parse(data=_source(ALIGNED), format="turtle")
    aligned.remove((None, RDF.type, OWL.Ontology))  # one header is enough
    return graph + aligned


def classify(graph: Graph | None = None) -> Classification:
    """Ask HermiT about an ontology, else about our own with its alignments; about 2 seconds.

    Raises:
        ReasoningError: there is no Java, the classes did not arrive whole, or a datatype is none that HermiT knows.
    """
    started = time.perf_counter()
    asked = graph if graph is not None else whole_ontology()
    _refuse_unknown_datatypes(asked)
    java = find_java()
    import owlready2  # half a second that nobody else should wait for

    in_file = {str(one) for one in asked.subjects(RDF.type, OWL.Class) if isinstance(one, URIRef)}
    world = owlready2.World()  # a world of its own: the default one is shared by all of the process
    try:
        loaded = world.get_ontology(str(ZM)).load(fileobj=io.BytesIO(to_rdfxml(asked)))
        arrived = {one.iri for one in loaded.classes()}
        if arrived != in_file:
            missing = ", ".join(sorted(in_file - arrived)[:3])
            raise ReasoningError(
                f"Owlready2 loaded {len(arrived)} of the {len(in_file)} classes; missing are {missing} …"
            )
        owlready2.JAVA_EXE = java
        try:
            with _own_folder():
                owlready2.sync_reasoner_hermit(world, infer_property_values=False, debug=0)
        except owlready2.OwlReadyInconsistentOntologyError:
            return Classification(len(in_file), False, (), {}, time.perf_counter() - started)
        except owlready2.OwlReadyJavaError as error:
            raise ReasoningError(f"HermiT could not read the ontology: {_first_cause(str(error))}") from error
        empty = {one.iri for one in world.inconsistent_classes() if one is not owlready2.Nothing}
        above = {
            one.iri: {up.iri for up in one.ancestors(include_self=False)} & in_file - {one.iri}
            for one in loaded.classes()
            if one.iri not in empty
        }
    finally:
        world.close()
    return Classification(
        len(in_file),
        True,
        tuple(URIRef(iri) for iri in sorted(empty)),
        {URIRef(iri): tuple(URIRef(up) for up in sorted(above[iri])) for iri in sorted(above)},
        time.perf_counter() - started,
    )


def verdict(found: Classification) -> list[str]:
    """Return what was found, in lines for people."""
    if not found.consistent:
        return ["The ontology contradicts itself: nothing can fulfil all that it says."]
    if found.unsatisfiable:
        graph = whole_ontology()
        lines = [f"{len(found.unsatisfiable)} of {found.classes} classes can have no member:"]
        for one in found.unsatisfiable:
            above = sorted(up for up in graph.objects(one, RDFS.subClassOf) if isinstance(up, URIRef))
            lines.append(f"  {one}  stands under {', '.join(above)}" if above else f"  {one}")
        return lines
    links = sum(len(above) for above in found.superclasses.values())
    return [
        f"Consistent: all {found.classes} classes can have members; {links} places in the class tree; "
        f"{found.seconds:.1f} s."
    ]


def find_java() -> str:
    """Return where Java is.

    Raises:
        ReasoningError: there is none, or it does not run; the message says what to install.
    """
    java = shutil.which("java")
    advice = (
        "install a Java runtime, 8 or newer (Debian: apt-get install default-jre-headless), and try again"
    )
    if java is None:
        raise ReasoningError(f"the reasoner HermiT needs Java, and there is no “java” on the path; {advice}")
    try:
        subprocess.run([java, "-version"], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise ReasoningError(f"the reasoner HermiT needs Java, and {java} does not run: {advice}") from error
    return java


def to_rdfxml(graph: Graph) -> bytes:
    """Return the triples as RDF/XML, the one notation that both OWL tools and Owlready2 read."""
    data: bytes = graph.serialize(format="xml", encoding="utf-8")
    return data


def inferred_turtle(found: Classification) -> str:
    """Return the text of ``inferred.ttl``: the superclasses of our own classes, in a fixed order."""
    short = {namespace: prefix for prefix, namespace in _prefixes().items()}
    used: dict[str, str] = {"rdfs": str(RDFS)}

    def name(iri: URIRef) -> str:
        namespace = next(space for space in sorted(short, key=len, reverse=True) if iri.startswith(space))
        used[short[namespace]] = namespace
        return f"{short[namespace]}:{iri.removeprefix(namespace)}"

    ours = {name(one): sorted(map(name, above)) for one, above in found.superclasses.items() if one in ZM}
    lines = [f"{one} rdfs:subClassOf {' , '.join(above)} ." for one, above in sorted(ours.items()) if above]
    heads = [f"@prefix {prefix}: <{space}> ." for prefix, space in sorted(used.items())]
    return "\n".join([_HEAD, *heads, "", *lines, ""])


def read_inferred() -> bytes:
    """Return ``inferred.ttl`` as it stands. Raises VocabularyError where it is missing."""
    return _source(INFERRED)


def inferred_graph() -> Graph:
    """Return the triples of ``inferred.ttl``."""
    return Graph().parse(data=read_inferred(), format="turtle")


def inferred_path() -> Path:
    """Where ``inferred.ttl`` stands, to write it."""
    return Path(str(files("ontology").joinpath(INFERRED)))


@contextmanager
def _own_folder() -> Iterator[None]:
    """A folder for the file that Owlready2 hands to Java: it leaves the file behind when the reasoner fails."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="zhengmai-") as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def _prefixes() -> dict[str, str]:
    """The project's prefixes, and those that only aligned.ttl has."""
    graph = Graph(bind_namespaces="none").parse(data=_source(ALIGNED), format="turtle")
    return PREFIXES | {prefix: str(space) for prefix, space in graph.namespaces() if prefix not in PREFIXES}


def _refuse_unknown_datatypes(graph: Graph) -> None:
    for subject, _, datatype in graph.triples((None, RDFS.range, None)):
        if datatype in _UNKNOWN_TO_HERMIT:
            raise ReasoningError(
                f"{subject}: rdfs:range {datatype} is a datatype that HermiT refuses; "
                "write schema:rangeIncludes in its place, and let SHACL check the values"
            )


def _first_cause(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip() and "error message is" not in line]
    return next((line for line in lines if "Exception" in line or "Error" in line), "; ".join(lines[:2]))


def _source(name: str) -> bytes:
    try:
        return files("ontology").joinpath(name).read_bytes()
    except FileNotFoundError:
        raise VocabularyError(f"ontology/{name} is missing") from None
