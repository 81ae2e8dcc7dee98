"""Checks inside one plan: what it says in two places that do not agree.

Each check finds pairs of passages and says nothing of how grave they are: the shapes do (``shapes/inside.ttl``). They
work on the record, and on the text where it is at hand, since annex tables stay in the record and are not in the graph.
A check that cannot be sure of what it compares finds nothing.
"""

from __future__ import annotations

from graph import agency_names
from graph.inside_annexes import annex_agencies, annex_values
from graph.inside_check import Check, CheckKind, Passage
from graph.inside_figures import later_below_earlier, part_exceeds_whole
from graph.inside_lists import coverage, stated_counts, uncovered
from graph.inside_names import spellings
from graph.known_documents import KnownDocuments, own_number
from graph.quotes import Words
from graph.reading import squeeze
from graph.record import PlanRecord


def checks(record: PlanRecord, text: str | None = None, known: KnownDocuments | None = None) -> list[Check]:
    """All that does not agree in one plan, in a fixed order.

    Args:
        record: the plan, linked. A record made by hand holds what was seen, so it is only checked for its targets.
        text: the kept text that the spans point into.
        known: the documents that are known, to hold citations against.
    """
    found = [*later_below_earlier(record), *part_exceeds_whole(record, text)]
    if record.text_hash is not None:
        words = Words(text) if text is not None and record.tables else None
        found += annex_values(record, words)
        found += annex_agencies(record, words)
        found += stated_counts(record, words)
        found += spellings(record, words)
        found += coverage(record, words)
        found += uncovered(record, words)
    head = record.plan
    if head.document_number and own_number(head)[1] == "wrong-form":
        name = head.jurisdiction.name
        found.append(Check("document_number", Passage("", head.document_number), label=name))
    if known is not None:
        for citation, second, label, document in known.misfits(record):
            kind: CheckKind = "document_number" if label is not None else "cites_later"
            said = "".join((citation.title or "", citation.number or ""))
            # The span's own words are those that the citation has it by.
            first = Passage("", said, citation.span, exact=citation.title or citation.number)
            found.append(
                Check(
                    kind,
                    first,
                    Passage("", second, document=document) if second else None,
                    label=label or None,
                )
            )
    return found


def agencies_in_text(record: PlanRecord, text: str | None) -> dict[int, tuple[str, ...]]:
    """By the number of the task: agencies that its sentences name, where no bracket assigns it to anybody.

    Only names that the plan uses elsewhere count, so that nothing is taken for an agency that is none.
    """
    if text is None:
        return {}
    names = {one.agency for action in record.actions for one in action.assignments}
    names |= {one.agency for owed in record.deliverables for one in owed.assignments}
    names = {name for name in names if len(name) >= 3 and not agency_names.is_collective(name)}
    found: dict[int, tuple[str, ...]] = {}
    for number, action in enumerate(record.actions):
        if action.assignments or action.span is None:
            continue
        body = squeeze(text[slice(*action.span)]).text
        said = tuple(sorted((name for name in names if name in body), key=body.index))
        if said:
            found[number] = said
    return found
