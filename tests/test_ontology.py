"""The ontology: what is used is declared, each class is judged and shown, and it holds under a reasoner."""

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCTERMS, OWL, PROV, RDF, RDFS, SH, SKOS, XSD

from graph.stores import open_store
from ontology import reasoning, terms
from ontology.documentation import Node, markdown, reference
from ontology.terms import DCAT, ID, QUDT, SCHEMA, SHAPE, UNIT, ZM
from ontology.vocabulary import SCHEMES, ontology_graph, vocabulary_graph
from shapes.validation import load_shapes, validate

ROOT = Path(__file__).parents[1]
KINDS = {OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty}
# The languages themselves need no declaration; what else is used is declared at the end of zhengmai.ttl.
FOREIGN = {str(space) for prefix, space in terms.PREFIXES.items() if prefix in ("rdf", "rdfs", "owl", "sh")}
CI = bool(os.environ.get("CI"))
needs_java = pytest.mark.skipif(not CI and not shutil.which("java"), reason="Java is not installed")


@cache
def _ontology() -> Graph:
    return ontology_graph()


@cache
def _declared() -> frozenset[URIRef]:
    return frozenset(
        s for kind in KINDS for s in _ontology().subjects(RDF.type, kind) if isinstance(s, URIRef)
    )


@cache
def _classes() -> frozenset[URIRef]:
    """Our own classes."""
    return frozenset(
        one for one in _ontology().subjects(RDF.type, OWL.Class) if isinstance(one, URIRef) and _ours(one)
    )


@cache
def _shapes() -> Graph:
    return load_shapes()


@cache
def _sound() -> Graph:
    """All valid examples with the concepts that examples name: two dozen validations should stay quick."""
    graph = Graph()
    for file in _examples():
        graph.parse(file)
    named = set(graph.all_nodes()) | {node for file in _invalid() for node in Graph().parse(file).all_nodes()}
    for scheme in SCHEMES:
        for triple in vocabulary_graph(scheme):
            if triple[0] in named:
                graph.add(triple)
    return graph


@pytest.fixture(scope="module")
def corpus(built: Path) -> Graph:
    return open_store((built / "current").resolve() / "store").graph_union()


def _ours(node: object) -> bool:
    return isinstance(node, URIRef) and node in ZM


def _examples() -> list[Path]:
    return sorted((ROOT / "ontology" / "examples").glob("*.ttl"))


def _invalid() -> list[Path]:
    return sorted((ROOT / "ontology" / "examples" / "invalid").glob("*.ttl"))


@cache
def _tree() -> Graph:
    return reasoning.inferred_graph()


def _above(cls: URIRef) -> set[object]:
    return {cls, *_tree().objects(cls, RDFS.subClassOf)}


# -- what is used is declared ------------------------------------------------------------------------------------


def test_every_term_of_the_graph_is_declared(corpus: Graph) -> None:
    used = set(corpus.predicates(unique=True)) | set(corpus.objects(None, RDF.type, unique=True))
    undeclared = {str(one) for one in used - _declared() if not any(str(one).startswith(s) for s in FOREIGN)}
    assert undeclared == set(), "declare them in ontology/zhengmai.ttl"


@pytest.mark.parametrize("folder", ["graph", "shapes", "queries", "review", "api", "ontology"])
def test_every_term_that_files_name_is_declared(folder: str) -> None:
    known = {str(one).removeprefix(str(ZM)) for one in _declared() if _ours(one)}
    for file in sorted((ROOT / folder).rglob("*")):
        if file.suffix not in (".py", ".rq", ".ttl", ".trig", ".html", ".md"):
            continue
        text = file.read_text(encoding="utf-8")
        named = set(re.findall(r"\bzm:([A-Za-z]\w*)", text)) | set(re.findall(r"\bZM\.([A-Za-z]\w*)", text))
        named |= set(re.findall(r"\bZM\[\"(\w+)\"\]", text))
        assert named <= known, (str(file.relative_to(ROOT)), named - known)


def test_documents_name_only_what_there_is() -> None:
    known = {str(one).removeprefix(str(ZM)) for one in _declared() if _ours(one)}
    for file in sorted((ROOT / "docs").rglob("*.md")):
        named = set(re.findall(r"\bzm:([A-Za-z]\w*)", file.read_text(encoding="utf-8")))
        assert named <= known, (file.name, named - known)


def test_domains_and_ranges_tell_what_is_in_the_graph(corpus: Graph) -> None:
    """They are no checks (DESIGN, section 4), but readers go by them."""
    types: dict[object, set[URIRef]] = defaultdict(set)
    for node, cls in corpus.subject_objects(RDF.type):
        types[node] |= {one for one in _above(URIRef(str(cls))) if isinstance(one, URIRef)}
    wrong: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for term in sorted(one for one in _declared() if _ours(one) and one not in _classes()):
        domains = set(_ontology().objects(term, RDFS.domain)) | set(
            _ontology().objects(term, SCHEMA.domainIncludes)
        )
        ranges = set(_ontology().objects(term, RDFS.range)) | set(
            _ontology().objects(term, SCHEMA.rangeIncludes)
        )
        assert domains, f"{term} has no domain"
        assert ranges, f"{term} has no range"
        for subject, value in corpus.subject_objects(term):
            if not types[subject] & domains and subject in types:
                wrong[term].add(("domain", str(types[subject])))
            kinds = {value.datatype or RDF.langString} if isinstance(value, Literal) else types[value]
            if isinstance(value, Literal) and value.datatype is None and value.language is None:
                kinds = {XSD.string}
            if not kinds & ranges:
                wrong[term].add(("range", str(kinds)))
    assert wrong == {}


def test_functional_properties_have_one_value(corpus: Graph) -> None:
    for term in _ontology().subjects(RDF.type, OWL.FunctionalProperty):
        assert isinstance(term, URIRef)
        counts: dict[object, set[object]] = defaultdict(set)
        for subject, value in corpus.subject_objects(term):
            counts[subject].add(value)
        assert all(len(values) == 1 for values in counts.values()), term


def test_the_graph_says_what_is_published(corpus: Graph) -> None:
    """In DCAT; the files of the ontology that it names are those that the service gives (tested below)."""
    datasets = set(corpus.objects(ID.catalog, DCAT.dataset))
    assert terms.DATASET in datasets
    assert corpus.value(terms.DATASET, PROV.wasGeneratedBy) is not None
    files = {
        str(corpus.value(one, DCAT.downloadURL)).removeprefix(terms.BASE)
        for dataset in datasets
        for one in corpus.objects(dataset, DCAT.distribution)
    }
    assert files == {f"ns?format={name}" for name in ("turtle", "rdfxml", "ntriples", "jsonld")}


# -- OWL 2 DL, and versions ----------------------------------------------------------------------------------------


def test_every_term_is_of_one_kind() -> None:
    """OWL 2 DL: an object property is no datatype property, and what an axiom names is declared."""
    graph = _ontology()
    for term in _declared():
        assert len(KINDS & set(graph.objects(term, RDF.type))) == 1, term
    named = {p for p in graph.predicates() if isinstance(p, URIRef)}
    for predicate in (RDFS.subClassOf, RDFS.subPropertyOf, RDFS.domain, OWL.onProperty, OWL.someValuesFrom):
        named |= {o for o in graph.objects(None, predicate) if isinstance(o, URIRef)}
    vocabulary = {str(RDF), str(RDFS), str(OWL)}
    assert {str(n) for n in named - _declared() if not any(str(n).startswith(v) for v in vocabulary)} == set()


def test_no_property_that_others_run_through_is_functional() -> None:
    """OWL 2 DL: a property with a transitive one below it may not be counted."""
    graph = _ontology()
    for transitive in graph.subjects(RDF.type, OWL.TransitiveProperty):
        for above in graph.transitive_objects(transitive, RDFS.subPropertyOf):
            assert (above, RDF.type, OWL.FunctionalProperty) not in graph, above


def test_the_version_is_told_and_so_is_what_changed() -> None:
    ontology = URIRef(str(ZM))
    version = str(_ontology().value(ontology, OWL.versionInfo))
    assert _ontology().value(ontology, OWL.versionIRI) == URIRef(f"{terms.BASE}ns/{version}")
    assert _ontology().value(ontology, OWL.priorVersion) is not None
    changes = (ROOT / "ontology" / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(version)} ", changes, re.MULTILINE)


def test_a_deprecated_term_says_what_to_use() -> None:
    for term in _ontology().subjects(OWL.deprecated, Literal(True)):
        assert _ontology().value(term, DCTERMS.isReplacedBy) in set(_declared()), term


# -- each class is judged, and shown ---------------------------------------------------------------------------------


def test_every_class_is_mirrored_by_a_shape() -> None:
    shapes = _shapes()
    mirrored = {
        cls
        for shape in shapes.subjects(RDF.type, SH.NodeShape)
        for kind in (SH.targetClass, DCTERMS.subject)
        for cls in shapes.objects(shape, kind)
    }
    assert {str(cls) for cls in _classes() if not _above(cls) & mirrored} == set()
    # and no shape stands for a class that there is not
    assert {str(cls) for cls in mirrored if _ours(cls)} <= {str(cls) for cls in _classes()}


@pytest.mark.parametrize("cls", sorted(str(one).removeprefix(str(ZM)) for one in _classes()))
def test_every_class_has_an_example(cls: str) -> None:
    file = ROOT / "ontology" / "examples" / f"{cls}.ttl"
    assert file.is_file(), f"write ontology/examples/{cls}.ttl"
    graph = Graph().parse(file)
    members = {one for kind in graph.objects(None, RDF.type) for one in _above(URIRef(str(kind)))}
    assert ZM[cls] in members
    used = {p for p in graph.predicates() if _ours(p)}
    assert used <= _declared()


def test_the_examples_obey_the_shapes() -> None:
    result = validate(_sound(), _ontology())
    assert [(row.focus, row.shape) for row in result.results if row.severity == "violation"] == []


@pytest.mark.parametrize("file", _invalid(), ids=lambda file: file.stem)
@pytest.mark.filterwarnings("ignore")
def test_an_invalid_example_breaks_what_it_says(file: Path) -> None:
    result = validate(_sound() + Graph().parse(file), _ontology())
    broken = {str(row.shape).removeprefix(str(SHAPE)) for row in result.of("violation")}
    assert broken == _breaks(file)


@pytest.mark.parametrize("name", ["arrangements", "concepts"])
def test_each_rule_has_an_invalid_example(name: str) -> None:
    """For the rules of structure.ttl tests/support/shapes.py has a fault each."""
    rules = Graph().parse(ROOT / "shapes" / f"{name}.ttl").subjects(SH.message)
    wanted = {str(rule).removeprefix(str(SHAPE)) for rule in rules}
    assert wanted <= {rule for file in _invalid() for rule in _breaks(file)}


def _breaks(file: Path) -> set[str]:
    line = re.search(r"^# breaks: (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert line, f"{file.name}: say which rules it breaks"
    return set(line[1].split(", "))


def test_rules_have_words_in_both_languages() -> None:
    for rule in _shapes().subjects(SH.message):
        languages = [str(o.language) for o in _shapes().objects(rule, SH.message) if isinstance(o, Literal)]
        assert sorted(languages) == ["en", "zh"], rule


def test_concepts_shown_are_those_of_the_vocabularies() -> None:
    """An example of a concept is an excerpt, never a second truth."""
    reference = Graph()
    for scheme in SCHEMES:
        reference += vocabulary_graph(scheme)
    for file in _examples():
        graph = Graph().parse(file)
        for concept in graph.subjects(RDF.type, SKOS.Concept):
            assert {t for t in graph.triples((concept, None, None)) if t not in reference} == set(), file.name


# -- units -----------------------------------------------------------------------------------------------------------


def test_units_are_converted_by_scaling_never_by_kind() -> None:
    units = vocabulary_graph("unit")
    for unit, base in units.subject_objects(QUDT.scalingOf):
        assert units.value(unit, QUDT.conversionMultiplier) is not None
        assert units.value(base, QUDT.scalingOf) is None, f"{unit}: scale in one step"
        # 1 毫克/升 is a concentration like 微克/立方米; what is scaled is of the same kind
        assert units.value(unit, QUDT.hasQuantityKind) == units.value(base, QUDT.hasQuantityKind), unit
    for unit in units.subjects(RDF.type, QUDT.Unit):
        assert units.value(unit, QUDT.hasDimensionVector) is None, (
            f"{unit}: 元, % and 个 share one; never convert by it"
        )
    matched = list(units.objects(None, SKOS.exactMatch))
    assert len(matched) == len(set(matched))
    assert all(str(one).startswith(str(UNIT)) for one in matched)
    for key, name in {"percent": "PERCENT", "square-metre": "M2", "yuan": "CCY_CNY", "count": "NUM"}.items():
        assert units.value(ID[f"unit/{key}"], SKOS.exactMatch) == UNIT[name]


# -- reasoning ---------------------------------------------------------------------------------------------------------


def _with(*statements: str) -> Graph:
    prefixes = "".join(f"@prefix {p}: <{s}> ." for p, s in terms.PREFIXES.items())
    prefixes += "@prefix foaf: <http://xmlns.com/foaf/0.1/> ."
    return reasoning.whole_ontology() + Graph().parse(data=prefixes + " ".join(statements), format="turtle")


@needs_java
def test_the_ontology_is_consistent_and_its_tree_is_fresh() -> None:
    found = reasoning.classify()
    assert found.sound
    assert found.classes == len(
        {c for c in reasoning.whole_ontology().subjects(RDF.type, OWL.Class) if isinstance(c, URIRef)}
    )
    assert reasoning.inferred_turtle(found) == reasoning.read_inferred().decode(), (
        "run 'zhengmai ontology check --write'"
    )


def test_the_tree_has_all_superclasses() -> None:
    """Not only the most specific ones, which is all that Owlready2 writes back."""
    tree = _tree()
    assert {ZM.TargetStatement, PROV.Entity} <= set(tree.objects(ZM.Target, RDFS.subClassOf))
    assert {ZM.PolicyDocument, PROV.Entity, terms.ELI.LegalResource} <= set(
        tree.objects(ZM.Plan, RDFS.subClassOf)
    )
    asserted = {
        (s, o) for s, o in _ontology().subject_objects(RDFS.subClassOf) if _ours(s) and isinstance(o, URIRef)
    }
    assert asserted <= set(tree.subject_objects(RDFS.subClassOf))


@needs_java
@pytest.mark.parametrize(
    ("statement", "unsatisfiable"),
    [
        # a plan's own promise that is also a claim about another
        ("zm:Both a owl:Class ; rdfs:subClassOf zm:Target , zm:TargetCitation .", ZM.Both),
        # alignments that are wrong by what the aligned vocabularies say of themselves (aligned.ttl)
        ("zm:Agency rdfs:subClassOf prov:Activity .", ZM.Agency),
        ("zm:Plan rdfs:subClassOf prov:Activity .", ZM.Plan),
        ("zm:Agency rdfs:subClassOf foaf:Document .", ZM.Agency),
        ("zm:Domain rdfs:subClassOf skos:Collection .", ZM.Domain),
        # kinds of things mixed up
        ("zm:Division rdfs:subClassOf zm:Agency .", ZM.Division),
        ("zm:Indicator rdfs:subClassOf zm:Domain .", ZM.Indicator),
    ],
)
def test_a_seeded_wrong_alignment_is_found(statement: str, unsatisfiable: URIRef) -> None:
    found = reasoning.classify(_with(statement))
    assert found.consistent
    assert unsatisfiable in found.unsatisfiable
    assert not found.sound


@needs_java
def test_a_seeded_contradiction_is_found() -> None:
    """One node that is a target and a claim: then nothing holds."""
    found = reasoning.classify(
        _with("<https://example.org/one> a owl:NamedIndividual , zm:Target , zm:TargetCitation .")
    )
    assert not found.consistent
    assert not found.sound


@needs_java
def test_classes_that_do_not_arrive_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turtle is what Owlready2 reads as an empty ontology without a word."""
    monkeypatch.setattr(
        reasoning,
        "to_rdfxml",
        lambda graph: b"<?xml version='1.0'?><rdf:RDF xmlns:rdf='%s'/>" % str(RDF).encode(),
    )
    with pytest.raises(reasoning.ReasoningError, match=r"loaded 0 of the \d+ classes"):
        reasoning.classify()


@pytest.mark.parametrize("datatype", ["gYear", "date"])
def test_datatypes_that_the_reasoner_refuses_are_named(datatype: str) -> None:
    with pytest.raises(reasoning.ReasoningError, match=f"reportedYear.*{datatype}.*rangeIncludes"):
        reasoning.classify(_with(f"zm:reportedYear a owl:DatatypeProperty ; rdfs:range xsd:{datatype} ."))


def _command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zhengmai", "ontology", *arguments],
        capture_output=True, text=True, cwd=ROOT, env=os.environ | environment, check=False,
    )  # fmt: skip


@needs_java
def test_the_command_says_that_all_is_well() -> None:
    done = _command("check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.match(r"Consistent: all \d+ classes can have members; \d+ places", done.stdout)


def test_without_java_the_command_fails_and_says_what_to_install(tmp_path: Path) -> None:
    done = _command("check", PATH=str(tmp_path))
    assert done.returncode == 2
    assert "needs Java" in done.stderr
    assert "default-jre-headless" in done.stderr
    assert done.stdout == ""


def test_the_build_holds_the_tree(corpus: Graph) -> None:
    assert bool(
        corpus.query(
            "ASK { zm:Agency rdfs:subClassOf <http://xmlns.com/foaf/0.1/Agent> }", initNs=terms.PREFIXES
        )
    )


# -- the documentation -------------------------------------------------------------------------------------------------


def test_the_written_reference_is_up_to_date() -> None:
    written = (ROOT / "docs" / "ontology-terms.md").read_text(encoding="utf-8")
    assert written == markdown(), "run 'zhengmai ontology docs --out docs/ontology-terms.md'"


def test_the_reference_has_every_term_and_every_example_once() -> None:
    ref = reference()
    assert {one.iri for one in (*ref.classes, *ref.properties)} == {
        str(one) for one in _declared() if _ours(one)
    }
    for one in ref.classes:
        assert one.example is not None
        assert one.example.said["zh"]
        assert one.example.said["en"]
        assert "@prefix" not in one.example.turtle

    def names(nodes: tuple[Node, ...]) -> list[str]:
        return [name for node in nodes for name in (node.name, *names(node.below))]

    drawn = [name for name in names(ref.tree) if name.startswith("zm:")]
    assert sorted(drawn) == sorted(f"zm:{one.name}" for one in ref.classes)
