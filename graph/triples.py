"""Record to quads: one named graph a document, every IRI readable and the same in each build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

import pyoxigraph as ox
from rdflib import URIRef
from rdflib.namespace import DCTERMS, ORG, RDF, RDFS, SKOS, VOID, XSD

from graph import agency_labels, divisions, document_numbers, linking
from graph.agency_identity import AgencyIdentity, identify
from graph.catalog import StubEntry
from graph.document_numbers import DocumentNumber
from graph.known_documents import Candidate, KnownDocuments, own_number
from graph.quads import QuadWriter, day, quoted, year, zh
from graph.record import Assignment, Citation, CitedTarget, ConceptLink, PlanRecord, Review, Span, Target
from ontology import terms
from ontology.terms import ELI, OA, ZM

_COMPARATORS = {
    ">=": "ge",
    ">": "gt",
    "=": "eq",
    "~": "approx",
    "<": "lt",
    "<=": "le",
    "qualitative": "qualitative",
}


# What source_span writes, as it stands in N-Quads.
_IS_SPAN, _IS_POSITION, _IS_QUOTE = (
    f"<{RDF.type}> <{kind}>" for kind in (ZM.SourceSpan, OA.TextPositionSelector, OA.TextQuoteSelector)
)
_HAS_SOURCE, _HAS_SELECTOR, _TEXT_HASH, _START, _END, _EXACT = (
    f"<{name}>" for name in (OA.hasSource, OA.hasSelector, ZM.textHash, OA.start, OA.end, OA.exact)
)
_INTEGER = f"^^<{XSD.integer}>"


class _Document:
    """Writes one record."""

    def __init__(self, record: PlanRecord, known: KnownDocuments) -> None:
        self.record = record
        self.slug = record.slug
        self.iri = terms.document_iri(record.slug)
        self.out = QuadWriter(terms.document_graph(record.slug))
        self.known = known
        self.code = agency_labels.code_of(record)
        self.members = agency_labels.members(record)
        self._agencies: dict[str, URIRef] = {}

    def write(self) -> QuadWriter:
        self._head()
        for order, provision in enumerate(self.record.provisions, 1):
            self._provision(provision.path, provision.heading, provision.span, order)
        self._actions()
        for number, target in enumerate(self.record.targets, 1):
            self._target(terms.target_iri(self.slug, number), target, number)
        for number, cited in enumerate(self.record.cited_targets, 1):
            self._target(terms.cited_target_iri(self.slug, number), cited, number)
        self._set_up()
        return self.out

    def _set_up(self) -> None:
        """Mechanisms, deliverables, stages, adjustments and stated counts."""
        add, record = self.out.add, self.record
        for number, mechanism in enumerate(record.mechanisms, 1):
            iri = self._item(
                "mechanism", ZM.Mechanism, number, mechanism.name, mechanism.quote, mechanism.span
            )
            add(iri, ZM.path, mechanism.path)
            add(iri, ZM.itemKind, mechanism.kind)
            add(iri, ZM.frequencyText, zh(mechanism.frequency) if mechanism.frequency else None)
            for name in mechanism.agencies:
                add(iri, ZM.runBy, self._agency(name))
        for number, owed in enumerate(record.deliverables, 1):
            iri = self._item("deliverable", ZM.Deliverable, number, owed.name, owed.quote, owed.span)
            add(iri, ZM.path, owed.path)
            add(iri, ZM.itemKind, owed.kind)
            add(iri, ZM.deadlineText, zh(owed.due) if owed.due else None)
            self._assignments(iri, owed.assignments)
        for number, stage in enumerate(record.stages, 1):
            iri = self._item("stage", ZM.Stage, number, stage.title, stage.quote, stage.span)
            add(iri, ZM.path, stage.path)
            add(iri, ZM.deadlineText, zh(stage.deadline) if stage.deadline else None)
        for number, change in enumerate(record.adjustments, 1):
            iri = self._item("adjustment", ZM.Adjustment, number, change.indicator, change.quote, change.span)
            add(iri, ZM.itemKind, change.kind)
            add(iri, ZM.indicatorText, zh(change.indicator))
            add(iri, ZM.value, change.value)
            add(iri, ZM.valueText, zh(change.value_text) if change.value_text else None)
            add(iri, ZM.unitText, zh(change.unit) if change.unit else None)
            add(iri, ZM.targetYear, year(change.target_year) if change.target_year else None)
            add(iri, ZM.reasonText, zh(change.reason) if change.reason else None)
            add(iri, ZM.askedBy, self._agency(change.agency) if change.agency else None)
        for number, money in enumerate(record.funding, 1):
            iri = self._item(
                "funding", ZM.FundingStatement, number, "、".join(money.sources), money.quote, money.span
            )
            add(iri, ZM.localSubsidy, money.local_subsidy)
        for number, count in enumerate(record.stated_counts, 1):
            iri = self._item("stated-count", ZM.StatedCount, number, count.what, count.quote, count.span)
            add(iri, ZM.statedValue, count.value)

    def _item(self, kind: str, cls: URIRef, number: int, label: str, quote: str, span: Span | None) -> URIRef:
        add, iri = self.out.add, terms.item_iri(self.slug, kind, number)
        add(iri, RDF.type, cls)
        add(iri, ZM.inDocument, self.iri)
        add(iri, RDFS.label, zh(label))
        add(iri, ZM.order, number)
        add(iri, ZM.quote, zh(quote))
        add(iri, ZM.span, self._span(span, quote))
        return iri

    def _head(self) -> None:
        plan, add = self.record.plan, self.out.add
        add(self.iri, RDF.type, ZM.Plan)
        add(self.iri, DCTERMS.title, zh(plan.title))
        add(self.iri, DCTERMS.identifier, self.slug)
        add(self.iri, ZM.documentNumber, plan.document_number)
        add(self.iri, ZM.jurisdiction, terms.division_iri(self.code))
        if plan.jurisdiction.level:
            add(self.iri, ZM.level, terms.concept_iri("level", plan.jurisdiction.level))
        add(self.iri, ZM.issuerText, zh(plan.issuer) if plan.issuer else None)
        add(self.iri, ELI.date_document, day(plan.issued) if plan.issued else None)
        add(self.iri, ZM.datePrinted, day(plan.printed) if plan.printed else None)
        add(self.iri, ZM.printedByText, zh(plan.printed_by) if plan.printed_by else None)
        number, status = own_number(plan)
        number_parts(self.out, self.iri, number)
        add(self.iri, ZM.numberStatus, terms.concept_iri("number-status", status) if status else None)
        add(self.iri, ZM.status, terms.concept_iri("status", plan.status))
        add(self.iri, ZM.origin, terms.concept_iri("origin", "text" if self.record.text_hash else "record"))
        add(self.iri, ZM.verified, self.record.verified)
        if plan.family:
            add(self.iri, ZM.policyFamily, terms.concept_iri("policy-family", plan.family))
        else:
            # Compared with nothing: a person is told what it may belong to.
            self._candidates(self.iri, "policy-family", self.known.families(self.record), plan.title)
        add(self.iri, DCTERMS.source, self.record.source)
        add(self.iri, ZM.textHash, self.record.text_hash)
        for order, citation in enumerate(plan.cites, 1):
            self._citation(terms.citation_iri(self.slug, order), citation)

    def _citation(self, iri: URIRef, citation: Citation) -> None:
        add, found = self.out.add, self.known.link(citation, self.record)
        add(self.iri, ZM.citation, iri)
        add(iri, RDF.type, ZM.Citation)
        add(iri, ZM.citedNumber, citation.number)
        add(iri, ZM.citedTitle, zh(citation.title) if citation.title else None)
        add(iri, ZM.citedIssuerText, zh(citation.issuer) if citation.issuer else None)
        add(iri, ZM.citationRelation, terms.concept_iri("citation-relation", citation.relation))
        add(iri, ZM.citedKey, found.key)
        number_parts(self.out, iri, found.number)
        if found.status:
            add(iri, ZM.numberStatus, terms.concept_iri("number-status", found.status))
        add(iri, ZM.suggestedNumber, found.suggested)
        add(iri, ZM.citedDivision, terms.division_iri(found.place) if found.place else None)
        add(iri, ZM.citedLater, True if found.later else None)
        add(iri, ZM.span, self._span(citation.span, citation.title or citation.number or ""))
        self._candidates(iri, "document", found.candidates, citation.number or citation.title or "")
        if found.document and found.basis:
            document = terms.document_iri(found.document)
            add(iri, ZM.citedDocument, document)
            add(iri, ZM.citationBasis, terms.concept_iri("citation-basis", found.basis))
            add(self.iri, ELI.cites, document)
            if citation.relation == "implements":
                add(self.iri, ELI.ensures_implementation_of, document)

    def _candidates(self, subject: URIRef, scheme: str, candidates: Iterable[Candidate], text: str) -> None:
        """What may be meant by a citation, or be the family of a document: for a person to judge."""
        for number, one in enumerate(candidates, 1):
            add, iri = self.out.add, URIRef(f"{subject}/candidate/{number}")
            add(subject, ZM.conceptLink, iri)
            add(iri, RDF.type, ZM.ConceptLink)
            known = (
                terms.document_iri(one.key) if scheme == "document" else terms.concept_iri(scheme, one.key)
            )
            add(iri, ZM.linkTo, known)
            add(iri, ZM.linkScore, one.score)
            add(iri, ZM.linkStatus, terms.concept_iri("link-status", "candidate"))
            add(iri, ZM.linkText, zh(text))

    def _provision(self, path: str, heading: str, span: Span | None, order: int) -> URIRef:
        add, iri = self.out.add, terms.provision_iri(self.slug, path)
        add(iri, RDF.type, ZM.Provision)
        add(iri, ZM.inDocument, self.iri)
        add(iri, ZM.path, path)
        add(iri, ZM.heading, zh(heading))
        add(iri, ZM.order, order)
        above = path.rpartition("/")[0]
        add(iri, ZM.parentProvision, terms.provision_iri(self.slug, above) if above else None)
        add(iri, ZM.span, self._span(span, heading))
        return iri

    def _actions(self) -> None:
        add = self.out.add
        known = {provision.path for provision in self.record.provisions}
        written: dict[URIRef, int] = {}
        for order, action in enumerate(self.record.actions, 1):
            iri = terms.action_iri(self.slug, action.path)
            # A document that repeats a number still has two tasks.
            written[iri] = written.get(iri, 0) + 1
            if written[iri] > 1:
                iri = URIRef(f"{iri}-{written[iri]}")
            add(iri, RDF.type, ZM.Action)
            add(iri, RDFS.label, zh(action.title))
            add(iri, ZM.inDocument, self.iri)
            add(iri, ZM.path, action.path)
            add(iri, ZM.order, order)
            headings = [*action.ancestors, action.title]
            for path, heading in zip(
                _prefixes(action.path), headings[-action.path.count("/") - 1 :], strict=False
            ):
                # A record made by hand names its tasks only: the numbered places follow from their paths.
                if path not in known:
                    known.add(path)
                    self._provision(path, heading, None, len(known))
            add(iri, ZM.provision, terms.provision_iri(self.slug, action.path))
            for key in action.domains:
                add(iri, ZM.domain, terms.concept_iri("domain", key))
            for number, found in enumerate(action.domain_links, 1):
                self._link(iri, terms.link_iri(iri, number), "domain", found, "linked")
            if not action.domains:
                self._unlinked(iri, action.title)
            self._assignments(iri, action.assignments)
            self._review(iri, action.review)
            add(iri, ZM.span, self._span(action.span, action.title))

    def _assignments(self, subject: URIRef, assignments: Iterable[Assignment]) -> None:
        add = self.out.add
        for number, assignment in enumerate(assignments, 1):
            iri = terms.assignment_iri(subject, number)
            add(subject, ZM.assignment, iri)
            add(iri, RDF.type, ZM.Assignment)
            add(iri, ZM.role, terms.concept_iri("role", assignment.role))
            add(iri, ZM.agency, self._agency(assignment.agency))
            add(iri, ZM.agencyText, zh(assignment.agency))
            add(iri, ZM.roleText, zh(assignment.role_text) if assignment.role_text else None)
            self._review(iri, assignment.review)
            add(iri, ZM.span, self._span(assignment.span, assignment.agency))

    def _agency(self, name: str) -> URIRef:
        """The agency that a name of this document is. Its preferred label joins documents: see graph.cascade."""
        known = self._agencies.get(name)
        if known is not None:  # all that is to be said of it was said when it was named first
            return known
        identity = identify(name, self.code)
        iri = self._agencies[name] = self._body(identity)
        self.out.add(iri, RDFS.label, zh(name))
        if not identity.resolved:
            self._unresolved(iri, identity)
        for member in self.members.get(name, ()):
            if identify(member, self.code) != identity:
                self.out.add(iri, ZM.includesAgency, self._agency(member))
        return iri

    def _body(self, identity: AgencyIdentity) -> URIRef:
        add = self.out.add
        iri = agency_labels.iri_of(identity, self.slug)
        add(iri, RDF.type, ZM.Agency)
        add(iri, ZM.division, terms.division_iri(identity.code))
        add(iri, ZM.collective, identity.collective)
        add(iri, ZM.agencyForm, terms.concept_iri("agency-form", identity.form))
        add(iri, ZM.zoneText, zh(identity.zone) if identity.zone else None)
        for key in identity.functions:
            add(iri, ZM.agencyFunction, terms.concept_iri("agency-function", key))
        if identity.parent:
            add(iri, ORG.subOrganizationOf, self._body(identity.parent))
            above = agency_labels.iri_of(identity.parent, self.slug)
            add(above, RDFS.label, zh(agency_labels.full_name(identity.parent)))
        return iri

    def _unresolved(self, iri: URIRef, identity: AgencyIdentity) -> None:
        """That no function is known, and the nearest ones for a person to judge."""
        add, link = self.out.add, URIRef(f"{iri}/link")
        add(iri, ZM.conceptLink, link)
        add(link, RDF.type, ZM.ConceptLink)
        add(link, ZM.linkStatus, terms.concept_iri("link-status", "unlinked"))
        add(link, ZM.linkText, zh(identity.label))
        for number, (key, label, score) in enumerate(identity.candidates, 1):
            node = URIRef(f"{iri}/candidate/{number}")
            add(iri, ZM.conceptLink, node)
            add(node, RDF.type, ZM.ConceptLink)
            add(node, ZM.linkTo, terms.concept_iri("agency-function", key))
            add(node, ZM.linkStatus, terms.concept_iri("link-status", "candidate"))
            add(node, ZM.linkScore, Decimal(str(score)))
            add(node, ZM.linkText, zh(identity.label))
            add(node, ZM.linkLabel, zh(label))

    def _target(self, iri: URIRef, target: Target, order: int) -> None:
        add = self.out.add
        add(iri, RDF.type, ZM.TargetCitation if isinstance(target, CitedTarget) else ZM.Target)
        add(iri, ZM.inDocument, self.iri)
        add(iri, ZM.path, target.path)
        if target.path and any(provision.path == target.path for provision in self.record.provisions):
            add(iri, ZM.provision, terms.provision_iri(self.slug, target.path))
        add(iri, ZM.order, order)
        add(iri, RDFS.label, zh(target.indicator))
        add(iri, ZM.indicatorText, zh(target.indicator))
        if target.concept:
            add(iri, ZM.indicator, terms.concept_iri("indicator", target.concept))
            if target.link:
                self._link(iri, terms.link_iri(iri), "indicator", target.link, "linked")
        else:
            self._unlinked(iri, target.indicator)
            for number, one in enumerate(target.candidates, 1):
                self._link(iri, terms.candidate_iri(iri, number), "indicator", one, "candidate")
        add(iri, ZM.comparator, terms.concept_iri("comparator", _COMPARATORS[target.comparator]))
        add(iri, ZM.measure, terms.concept_iri("measure", target.measure))
        add(iri, ZM.value, target.value)
        add(iri, ZM.valueMax, target.value_max)
        add(iri, ZM.valueText, zh(target.value_text) if target.value_text else None)
        unit = linking.unit_concept(target.unit or "")
        add(iri, ZM.unit, unit.iri if unit else None)
        add(iri, ZM.unitText, zh(target.unit) if target.unit else None)
        add(iri, ZM.baselineYear, year(target.baseline_year) if target.baseline_year else None)
        add(iri, ZM.targetYear, year(target.target_year) if target.target_year else None)
        add(iri, ZM.scopeText, zh(target.scope) if target.scope else None)
        for key in target.scope_domains:
            add(iri, ZM.scopeDomain, terms.concept_iri("domain", key))
        add(iri, ZM.strengthText, zh(target.strength) if target.strength else None)
        add(iri, ZM.quote, zh(target.quote))
        add(iri, ZM.textPart, terms.concept_iri("text-part", target.origin))
        self._assignments(iri, target.assignments)
        self._review(iri, target.review)
        add(iri, ZM.span, self._span(target.span, target.quote))
        if isinstance(target, CitedTarget):
            if target.claimed_level:
                add(iri, ZM.claimedLevel, terms.concept_iri("level", target.claimed_level))
            place = divisions.resolve(target.claimed_jurisdiction or "", self.code).division
            if place:
                add(iri, ZM.claimedJurisdiction, terms.division_iri(place.code))

    def _link(self, subject: URIRef, iri: URIRef, scheme: str, link: ConceptLink, status: str) -> None:
        """The evidence for a concept, or a candidate."""
        add = self.out.add
        add(subject, ZM.conceptLink, iri)
        add(iri, RDF.type, ZM.ConceptLink)
        add(iri, ZM.linkTo, terms.concept_iri(scheme, link.concept))
        add(iri, ZM.linkStatus, terms.concept_iri("link-status", status))
        add(iri, ZM.linkMethod, terms.concept_iri("link-method", link.method))
        add(iri, ZM.linkScore, link.score)
        add(iri, ZM.linkText, zh(link.text) if link.text else None)
        add(iri, ZM.linkLabel, zh(link.label) if link.label else None)

    def _unlinked(self, subject: URIRef, text: str) -> None:
        """That no concept was found, so that a query can list what has none."""
        add, iri = self.out.add, terms.link_iri(subject)
        add(subject, ZM.conceptLink, iri)
        add(iri, RDF.type, ZM.ConceptLink)
        add(iri, ZM.linkStatus, terms.concept_iri("link-status", "unlinked"))
        add(iri, ZM.linkText, zh(text))

    def _review(self, subject: URIRef, review: Review | None) -> None:
        if review is None:
            return
        add = self.out.add
        add(subject, ZM.reviewStatus, terms.concept_iri("review-status", review.status))
        add(subject, ZM.reviewedBy, review.by)
        add(subject, ZM.reviewedOn, day(review.date))
        add(subject, ZM.reviewReason, zh(review.reason) if review.reason else None)

    def _span(self, span: Span | None, quote: str) -> URIRef | None:
        if span is None:
            return None
        return source_span(self.out, self.slug, span, quote, self.record.text_hash)


def source_span(out: QuadWriter, slug: str, span: Span, quote: str, text_hash: str | None) -> URIRef:
    """The node of a passage of a document's kept text."""
    iri = terms.span_iri(slug, *span)
    position, exact = terms.span_position_iri(iri), terms.span_quote_iri(iri)
    # A third of all triples are of passages: written as they stand, they take a third of the time.
    # Plain texts: those of rdflib do more when they are put together.
    one, at, words = (str.__str__(node) for node in (iri, position, exact))
    out.lines(
        f"<{one}> {_IS_SPAN}",
        f"<{one}> {_HAS_SOURCE} <{terms.document_iri(slug)}>",
        f"<{one}> {_HAS_SELECTOR} <{at}>",
        f"<{one}> {_HAS_SELECTOR} <{words}>",
        *([f"<{one}> {_TEXT_HASH} {quoted(text_hash)}"] if text_hash is not None else ()),
        f"<{at}> {_IS_POSITION}",
        f'<{at}> {_START} "{span[0]}"{_INTEGER}',
        f'<{at}> {_END} "{span[1]}"{_INTEGER}',
        f"<{words}> {_IS_QUOTE}",
        f"<{words}> {_EXACT} {quoted(quote)}@zh",
    )
    return iri


def _prefixes(path: str) -> list[str]:
    """二, 二/（一）, 二/（一）/1 of 二/（一）/1."""
    steps = path.split("/")
    return ["/".join(steps[: number + 1]) for number in range(len(steps))]


def document_quads(record: PlanRecord, known: KnownDocuments) -> QuadWriter:
    """The quads of a record; ``known`` are the documents that its citations may mean."""
    return _Document(record, known).write()


def number_parts(out: QuadWriter, subject: URIRef, number: DocumentNumber | None) -> None:
    """机关代字, year and sequence of a number, which is printed as it is beside them."""
    if number:
        out.add(subject, ZM.issuerCode, number.code)
        out.add(subject, ZM.numberYear, year(number.year) if number.year else None)
        out.add(subject, ZM.numberSequence, number.sequence)


def stub_quads(stub: StubEntry) -> QuadWriter:
    """The quads of a document that is only known to exist."""
    out, iri = QuadWriter(terms.document_graph(stub.slug)), terms.document_iri(stub.slug)
    division = divisions.divisions()[stub.code]
    out.add(iri, RDF.type, ZM.Plan)
    out.add(iri, DCTERMS.title, zh(stub.title))
    out.add(iri, DCTERMS.identifier, stub.slug)
    out.add(iri, ZM.documentNumber, stub.number)
    number_parts(out, iri, document_numbers.parse(stub.number) if stub.number else None)
    out.add(iri, ZM.jurisdiction, terms.division_iri(stub.code))
    out.add(iri, ZM.level, terms.concept_iri("level", division.level))
    out.add(iri, ZM.status, terms.concept_iri("status", "issued"))
    out.add(iri, ZM.origin, terms.concept_iri("origin", "stub"))
    out.add(iri, ZM.policyFamily, terms.concept_iri("policy-family", stub.family))
    out.add(iri, RDFS.comment, zh(stub.note) if stub.note else None)
    return out


def division_quads() -> QuadWriter:
    """The divisions of the country, each within the one above it."""
    out = QuadWriter(terms.GRAPH_REFERENCE)
    _division_scheme(out)
    for division in divisions.divisions().values():
        iri = terms.division_iri(division.code)
        out.add(iri, SKOS.inScheme, terms.scheme_iri("division"))
        out.add(iri, RDF.type, ZM.Division)
        out.add(iri, SKOS.prefLabel, zh(division.name))
        out.add(iri, SKOS.notation, division.code)
        out.add(iri, ZM.level, terms.concept_iri("level", division.level))
        out.add(iri, ZM.withinDivision, terms.division_iri(division.parent) if division.parent else None)
    return out


def _division_scheme(out: QuadWriter) -> None:
    """What the snapshot of the divisions is: source, how new, how many of each level."""
    scheme = terms.scheme_iri("division")
    counts = Counter(division.level for division in divisions.divisions().values())
    newest, *names = divisions.NEWEST_CHANGE
    out.add(scheme, RDF.type, SKOS.ConceptScheme)
    out.add(scheme, SKOS.prefLabel, zh("行政区划"))
    out.add(scheme, SKOS.prefLabel, ox.Literal("Administrative divisions", language="en"))
    out.add(scheme, DCTERMS.source, divisions.snapshot())
    out.add(scheme, VOID.entities, sum(counts.values()))
    told = "、".join(names)
    out.add(
        scheme,
        DCTERMS.description,
        zh(
            f"县级以上行政区划和代码（GB/T 2260）：省级 {counts['province']}，地级 {counts['city']}，县级 {counts['county']}，"
            f"另有全国。软件包未注明数据日期，所含最近的变更为 {newest} 的{told}。"
        ),
    )
    out.add(
        scheme,
        DCTERMS.description,
        ox.Literal(
            f"Divisions at and above the county with codes (GB/T 2260): {counts['province']} provinces, "
            f"{counts['city']} cities, {counts['county']} counties, and the country. The package states no date of its "
            f"data; the newest change in it is of {newest} ({told}).",
            language="en",
        ),
    )
