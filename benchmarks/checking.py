"""How fast plans are checked against those above them, beside the usual ways of asking the same of a graph.

    make bench                              or: python benchmarks/checking.py [--plans 100 1000] [--bound 300]

One run over generated plans (benchmarks/corpus.py), size by size, each contender in a process of its own, none at the
same time as another:

    check      what `zhengmai build` and `zhengmai check` do: compare the levels, write what was derived into the store,
               judge every plan with all shapes, write the findings
    compare    the first part of it alone, all outcomes
    (a)        pySHACL with one sh:sparql constraint that joins each target to those of the plans above
    (b)        the same join as one SPARQL query of one block, on Oxigraph and on rdflib; and the same with what makes the
               outcome: unit, base year, direction, strictness and scope of the two figures
    (c)        its best rewriting, three joined sub-selects, on Oxigraph; and the same with what makes the outcome

All of these answer one outcome of the fourteen (a lower figure, `lowered`), and but for those "with all conditions" not even
that: they find a lower number of the same indicator, year and measure. Each is asked twice: of the whole, as whoever queries a build has it
and as `check` itself reads it (Oxigraph: the store on disk; pySHACL: all triples in rdflib), and, which is stricter to us,
of the triples alone that it needs, with the lines of plans, loaded before, in memory ("needed triples"). A contender that is
not done within its bound is stopped: it took at least so long. Where the needed triples were too many for (a), the whole is
not tried. (a) is too slow for large corpora: it is run to its end on small ones (--fit), and what it would need is
extrapolated by their growth.
Last, one changed plan: how long a build takes that reads, compares and judges it alone, beside the full one.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyoxigraph as ox

if TYPE_CHECKING:
    import rdflib

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import corpus  # noqa: E402
from graph import cascade, stores, triples  # noqa: E402
from graph.cascade import Lineage, Place  # noqa: E402
from graph.comparing import Comparison  # noqa: E402
from graph.known_documents import KnownDocuments  # noqa: E402
from graph.making import WRITTEN_TOGETHER  # noqa: E402
from graph.record import PlanRecord  # noqa: E402
from ontology import terms  # noqa: E402
from ontology.terms import ZM  # noqa: E402
from ontology.vocabulary import SCHEMES, turtle  # noqa: E402

_TARGET = """?{t} a zm:Target ; zm:inDocument ?{plan} ; zm:indicator ?i ; zm:targetYear ?y ; zm:measure ?m ;
    zm:value ?{v} . VALUES ?m {{ <https://w3id.org/zhengmai/id/measure/growth_rate> <https://w3id.org/zhengmai/id/measure/share> }}"""
_PREFIX = f"PREFIX zm: <{ZM}>\n"
LOWER, UPPER = _TARGET.format(t="t", plan="plan", v="v"), _TARGET.format(t="u", plan="above", v="w")
PLAIN = f"{_PREFIX}SELECT ?t ?u WHERE {{ ?plan zm:ancestorPlan ?above . {LOWER} {UPPER} FILTER(?v < ?w) }}"
JOINED = f"""{_PREFIX}SELECT ?t ?u WHERE {{
  {{ SELECT ?t ?plan ?i ?y ?m ?v WHERE {{ {LOWER} }} }}
  {{ SELECT ?plan ?above WHERE {{ ?plan zm:ancestorPlan ?above }} }}
  {{ SELECT ?u ?above ?i ?y ?m ?w WHERE {{ {UPPER} }} }}
  FILTER(?v < ?w) }}"""
_FULL_TARGET = """?{t} a zm:Target ; zm:inDocument ?{plan} ; zm:indicator ?i ; zm:targetYear ?y ; zm:measure ?m ;
    zm:value ?{v} ; zm:comparator ?{v}c .
    VALUES ?m {{ <https://w3id.org/zhengmai/id/measure/growth_rate> <https://w3id.org/zhengmai/id/measure/share> }}
    OPTIONAL {{ ?{t} zm:baselineYear ?{v}b }} OPTIONAL {{ ?{t} zm:unit ?{v}u }}"""
_CONDITIONS = """OPTIONAL { ?i zm:direction ?d }
  FILTER(IF(BOUND(?d) && STRENDS(STR(?d), "lower"), ?v > ?w, ?v < ?w)
    || (?v = ?w && STRENDS(STR(?wc), "/gt") && STRENDS(STR(?vc), "/ge")))
  FILTER(!BOUND(?vb) || !BOUND(?wb) || ?vb = ?wb) FILTER(COALESCE(?vu, 0) = COALESCE(?wu, 0))"""
_BELOW = f"""SELECT ?t ?u WHERE {{
  {{ SELECT ?t ?plan ?i ?y ?m ?v ?vc ?vb ?vu WHERE {{ {_FULL_TARGET.format(t="t", plan="plan", v="v")} }} }}
  {{ SELECT ?plan ?above WHERE {{ ?plan zm:ancestorPlan ?above }} }}
  {{ SELECT ?u ?above ?i ?y ?m ?w ?wc ?wb ?wu WHERE {{ {_FULL_TARGET.format(t="u", plan="above", v="w")} }} }}
  {_CONDITIONS} }}"""
_SCOPES = "SELECT ?{0} (COUNT(*) AS ?{0}n) WHERE {{ ?{0} zm:scopeDomain ?x }} GROUP BY ?{0}"
# Scopes agree where one holds the other, or one statement has none: by counting, since FILTER NOT EXISTS takes far longer.
WHOLE = f"""{_PREFIX}SELECT ?t ?u WHERE {{ {{ {_BELOW} }}
  OPTIONAL {{ {_SCOPES.format("t")} }} OPTIONAL {{ {_SCOPES.format("u")} }}
  OPTIONAL {{ SELECT ?t ?u (COUNT(*) AS ?both) WHERE {{ {{ {_BELOW} }} ?t zm:scopeDomain ?x . ?u zm:scopeDomain ?x }} GROUP BY ?t ?u }}
  FILTER(!BOUND(?tn) || !BOUND(?un) || COALESCE(?both, 0) = ?tn || COALESCE(?both, 0) = ?un) }}"""
_WITHOUT = "NOT EXISTS {{ ?{0} zm:scopeDomain ?{2} FILTER NOT EXISTS {{ ?{1} zm:scopeDomain ?{2} }} }}"
OUTCOME = f"""{_PREFIX}SELECT ?t ?u WHERE {{ ?plan zm:ancestorPlan ?above .
  {_FULL_TARGET.format(t="t", plan="plan", v="v")} {_FULL_TARGET.format(t="u", plan="above", v="w")}
  {_CONDITIONS}
  FILTER({_WITHOUT.format("t", "u", "x")} || {_WITHOUT.format("u", "t", "z")}
    || NOT EXISTS {{ ?t zm:scopeDomain ?p }} || NOT EXISTS {{ ?u zm:scopeDomain ?q }}) }}"""
CONSTRAINT = f"""
@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix zm: <{ZM}> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<urn:join> a sh:NodeShape ; sh:targetClass zm:Target ; sh:sparql [ a sh:SPARQLConstraint ;
  sh:prefixes [ sh:declare [ sh:prefix "zm" ; sh:namespace "{ZM}"^^xsd:anyURI ] ] ;
  sh:message "below" ; sh:select \"\"\"
    SELECT $this ?value WHERE {{
      $this zm:inDocument ?plan ; zm:indicator ?i ; zm:targetYear ?y ; zm:measure ?m ; zm:value ?v .
      FILTER(?m IN (<https://w3id.org/zhengmai/id/measure/growth_rate>, <https://w3id.org/zhengmai/id/measure/share>))
      ?plan zm:ancestorPlan ?above .
      ?value zm:inDocument ?above ; a zm:Target ; zm:indicator ?i ; zm:targetYear ?y ; zm:measure ?m ; zm:value ?w .
      FILTER(?v < ?w) }} \"\"\" ] .
"""
_NEEDED = {
    str(p) for p in (ZM.inDocument, ZM.indicator, ZM.targetYear, ZM.measure, ZM.value, ZM.ancestorPlan)
}
_NEEDED_TOO = {str(p) for p in (ZM.comparator, ZM.unit, ZM.baselineYear, ZM.scopeDomain, ZM.direction)}
_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"


def records(count: int) -> Iterator[PlanRecord]:
    """The records of a corpus, without reading their texts."""
    return (plan.record for plan in corpus.plans(count))


def placed(found: list[PlanRecord]) -> tuple[list[Place], Lineage]:
    """The plans in their lines."""
    places = [Place(one.slug, one.plan.jurisdiction.code or "", one.plan.family or "", one) for one in found]
    lineage = Lineage()
    for place in places:
        lineage.add(place)
    return places, lineage


def prepare(folder: Path, count: int) -> dict[str, Any]:
    """Write the graph of a corpus: all of it, and what the joins need."""
    (folder / stores.PARTS).mkdir()
    (folder / "texts").mkdir()
    quads, slim = (folder / "quads.nq").open("wb"), (folder / "slim.nt").open("wb")
    more = (folder / "more.nt").open("wb")  # for the join with all conditions
    found: list[PlanRecord] = []
    total = 0
    form = ox.RdfFormat.N_QUADS
    known = KnownDocuments.of(records(count))
    for plan in corpus.plans(count):
        record = plan.record
        (folder / "texts" / f"{record.slug}.txt").write_text(plan.text, encoding="utf-8")
        written = list(triples.document_quads(record, known))
        total += len(written)
        # A build keeps the quads of its documents until they are judged.
        chunk = ox.serialize(written, format=form) or b""
        with _part(folder, len(found)).open("ab") as out:
            out.write(chunk)
        quads.write(chunk)
        needed = [q.triple for q in written if q.predicate.value in _NEEDED or _is_target(q)]
        ox.serialize(needed, slim, format=ox.RdfFormat.N_TRIPLES)
        needed = [q.triple for q in written if q.predicate.value in _NEEDED_TOO]
        ox.serialize(needed, more, format=ox.RdfFormat.N_TRIPLES)
        found.append(record)
    places, lineage = placed(found)
    for _, part in cascade.inferred_quads(places, [], lineage):
        needed = [q.triple for q in part if q.predicate.value in _NEEDED]
        ox.serialize(needed, slim, format=ox.RdfFormat.N_TRIPLES)
    ox.serialize(triples.division_quads(), quads, format=form)
    for name, sources in (
        (terms.GRAPH_REFERENCE, map(turtle, SCHEMES)),
        (terms.GRAPH_ONTOLOGY, iter([turtle()])),
    ):
        for source in sources:
            graph = ox.NamedNode(name)
            parsed = list(ox.parse(source, format=ox.RdfFormat.TURTLE))
            ox.serialize(
                (ox.Quad(one.subject, one.predicate, one.object, graph) for one in parsed), quads, format=form
            )
            needed = [q.triple for q in parsed if q.predicate.value in _NEEDED_TOO]
            ox.serialize(needed, more, format=ox.RdfFormat.N_TRIPLES)
    for file in (quads, slim, more):
        file.close()
    return {"triples": total}


def _part(folder: Path, number: int) -> Path:
    """The file of quads in which a plan stands, by its number."""
    return folder / stores.PARTS / f"{number // WRITTEN_TOGETHER:06}.nq"


def _is_target(quad: ox.Quad) -> bool:
    return quad.predicate.value == _TYPE and str(quad.object) == f"<{ZM.Target}>"


# -- the contenders, each in a process of its own ----------------------------------------------------------------------


def compare(folder: Path, count: int) -> dict[str, Any]:
    """The cascade over records in memory."""
    places, lineage = placed(list(records(count)))
    start = time.perf_counter()
    found = cascade.comparisons(places, lineage)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "found": len(_lowered(found)), "all": len(found)}


def check(folder: Path, count: int) -> dict[str, Any]:
    """Compare, write what was derived, judge, write the findings; the documents are in the store before."""
    from shapes.judging import judge_build

    places, lineage = placed(list(records(count)))
    shutil.copy(folder / "quads.nq", folder / "check.nq")
    stores.create(folder / "store", [folder / "check.nq"])
    start = time.perf_counter()
    found = cascade.comparisons(places, lineage)
    compared = time.perf_counter() - start
    with (folder / "inferred.nq").open("wb") as out:
        parts: dict[str, list[str]] = {}
        for slug, inferred in cascade.inferred_quads(places, found, lineage):
            written = inferred.text()
            out.write(written)
            if slug is not None:
                file = _part(folder, sum(map(len, parts.values())))
                parts.setdefault(file.name, []).append(slug)
                with file.open("ab") as beside:
                    beside.write(written)
    stores.write_parts(folder / stores.PARTS, parts)
    store = ox.Store(str(folder / "store"))
    store.bulk_load(path=str(folder / "inferred.nq"))
    store.flush()
    del store
    derived = time.perf_counter() - start - compared
    judge_build(folder)
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "parts": {"compare": compared, "derive": derived, "judge": seconds - compared - derived},
        "found": len(_lowered(found)),
        "megabytes on disk": sum(file.stat().st_size for file in (folder / "store").iterdir()) / 1e6,
    }


def _lowered(found: list[Comparison]) -> set[tuple[str, int, str, int]]:
    """The pairs of figures of which the lower one asks less, as the joins find them."""
    return {
        (one.lower_plan, one.lower[0].number, one.upper_plan or "", one.upper.number)
        for one in found
        if one.outcome == "lowered" and one.upper and one.lower[0].target.value is not None
    }


def pyshacl_join(folder: Path, count: int) -> dict[str, Any]:
    """(a)."""
    import rdflib

    return _pyshacl(rdflib.Graph().parse(folder / "slim.nt", format="nt"))


def pyshacl_whole(folder: Path, count: int) -> dict[str, Any]:
    """(a) on all triples, each once."""
    import rdflib

    store = ox.Store.read_only(str(folder / "store"))
    whole = dict.fromkeys(quad.triple for quad in store)
    return _pyshacl(
        rdflib.Graph().parse(data=ox.serialize(whole, format=ox.RdfFormat.N_TRIPLES), format="nt")
    )


def _pyshacl(data: rdflib.Graph) -> dict[str, Any]:
    import pyshacl
    import rdflib

    shapes = rdflib.Graph().parse(data=CONSTRAINT, format="turtle")
    start = time.perf_counter()
    _, report, _ = pyshacl.validate(data, shacl_graph=shapes, inference="none")
    seconds = time.perf_counter() - start
    results = report.query("SELECT (COUNT(*) AS ?n) { ?r a <http://www.w3.org/ns/shacl#ValidationResult> }")
    return {"seconds": seconds, "found": int(next(iter(results))[0])}


def rdflib_plain(folder: Path, count: int) -> dict[str, Any]:
    """(b) on rdflib."""
    import rdflib

    data = rdflib.Graph().parse(folder / "slim.nt", format="nt")
    start = time.perf_counter()
    rows = len(list(data.query(PLAIN)))
    return {"seconds": time.perf_counter() - start, "found": rows}


def oxigraph_plain(folder: Path, count: int) -> dict[str, Any]:
    """(b) on Oxigraph, in memory."""
    return _oxigraph(folder, PLAIN)


def oxigraph_joined(folder: Path, count: int) -> dict[str, Any]:
    """(c), in memory."""
    return _oxigraph(folder, JOINED)


def oxigraph_conditions(folder: Path, count: int) -> dict[str, Any]:
    """(c) with all conditions of the outcome, in memory."""
    return _oxigraph(folder, WHOLE, "more.nt")


def oxigraph_whole_store(folder: Path, count: int) -> dict[str, Any]:
    """(b) on the store that `check` made, on disk."""
    return _rows(ox.Store.read_only(str(folder / "store")), PLAIN)


def oxigraph_outcome_whole_store(folder: Path, count: int) -> dict[str, Any]:
    """(b) with all conditions of the outcome, on the store that `check` made, on disk."""
    return _rows(ox.Store.read_only(str(folder / "store")), OUTCOME)


def oxigraph_joined_whole_store(folder: Path, count: int) -> dict[str, Any]:
    """(c) on the store that `check` made, on disk."""
    return _rows(ox.Store.read_only(str(folder / "store")), JOINED)


def _oxigraph(folder: Path, query: str, *more: str) -> dict[str, Any]:
    store = ox.Store()
    for name in ("slim.nt", *more):
        store.bulk_load(path=str(folder / name))
    return _rows(store, query)


def _rows(store: ox.Store, query: str) -> dict[str, Any]:
    start = time.perf_counter()
    found = store.query(query, use_default_graph_as_union=True)
    rows = sum(1 for _ in found)  # type: ignore[union-attr, misc]
    return {"seconds": time.perf_counter() - start, "found": rows}


def change(folder: Path, count: int) -> dict[str, Any]:
    """A full build and one after the text of one plan changed, both from texts to findings."""
    from graph.build import BuildJob
    from shapes.judging import judge_build

    plans, data = folder / "plans", folder / "data"
    corpus.write(plans, count)

    def build() -> tuple[float, BuildJob]:
        start = time.perf_counter()
        with BuildJob(plans, data) as job:
            if job.step is None:
                judge_build(job.folder)
            else:
                judge_build(job.folder, only=job.step.affected)
            job.publish()
        return time.perf_counter() - start, job

    full, _ = build()
    last = next(plan for plan in reversed(list(corpus.plans(count))) if "增长45%" in plan.text)
    again = []
    for value in (41, 42, 43):
        (plans / f"{last.slug}.txt").write_text(
            last.text.replace("增长45%", f"增长{value}%"), encoding="utf-8"
        )
        seconds, job = build()
        assert job.step is not None
        again.append(seconds)
    return {"seconds": sorted(again)[1], "full": full, "share": sorted(again)[1] / full}


PYSHACL = "(a) sh:sparql, needed triples"
CONTENDERS: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "check": check,
    "compare": compare,
    "(b) one block, whole store": oxigraph_whole_store,
    "(b) one block, all conditions": oxigraph_outcome_whole_store,
    "(b) needed triples": oxigraph_plain,
    "(b) needed triples, rdflib": rdflib_plain,
    "(c) sub-selects, whole store": oxigraph_joined_whole_store,
    "(c) needed triples": oxigraph_joined,
    "(c) needed, all conditions": oxigraph_conditions,
    PYSHACL: pyshacl_join,
    "(a) sh:sparql, whole graph": pyshacl_whole,
    "one changed plan": change,
}


def _alone(name: str, folder: Path, count: int, bound: float) -> dict[str, Any]:
    """A contender in a process of its own."""
    order = [sys.executable, __file__, "--contender", name, "--folder", str(folder), "--plans", str(count)]
    try:
        done = subprocess.run(order, check=True, capture_output=True, text=True, timeout=bound)
    except subprocess.TimeoutExpired:
        return {"seconds": None}
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{name}: {error.stderr}") from error
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _load() -> str:
    return Path("/proc/loadavg").read_text(encoding="ascii").split()[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--plans", type=int, nargs="+", default=[50, 200])
    parser.add_argument(
        "--bound", type=float, default=300.0, help="seconds that a join may take, loading included"
    )
    parser.add_argument(
        "--bound-python", type=float, help="the same for (a) and for rdflib; without it, as for the others"
    )
    parser.add_argument(
        "--fit",
        type=int,
        nargs="*",
        default=[10, 20],
        help="sizes at which (a) is run to its end, to tell its growth",
    )
    parser.add_argument(
        "--without", nargs="*", default=[], help="contenders to leave out, by the beginning of the name"
    )
    parser.add_argument("--contender", choices=CONTENDERS)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.contender:
        told = CONTENDERS[given.contender](given.folder, given.plans[0])
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        told["megabytes"] = max(one.ru_maxrss for one in used) // 1024
        told["processor"] = sum(one.ru_utime + one.ru_stime for one in used)
        print(json.dumps(told))
        return
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, load {_load()}")
    told_by: dict[tuple[str, int], Told] = {}
    for count in given.plans:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            made = prepare(folder, count)
            print(f"\n{count:,} plans, {made['triples']:,} triples in their graphs, load {_load()}")
            for contender in CONTENDERS:
                if any(contender.startswith(start) for start in given.without):
                    continue
                ours = contender in ("check", "compare", "one changed plan")
                slow = contender.startswith("(a)") or contender.endswith("rdflib")
                bound = (given.bound_python or given.bound) if slow else given.bound
                before = told_by.get((PYSHACL, count))
                if contender == "(a) sh:sparql, whole graph" and before and not before.done:
                    print(f"  {contender:<30} not tried")
                    continue
                told = _alone(contender, folder, count, 36_000.0 if ours else bound)
                done = told["seconds"] is not None
                told_by[contender, count] = Told(told["seconds"] if done else bound, done)
                _print(contender, told, bound)
    _ratios(told_by, given.plans)
    if given.fit and not any(PYSHACL.startswith(start) for start in given.without):
        _fit(given.fit, {count: told_by.get(("check", count)) for count in given.plans})


@dataclass(frozen=True)
class Told:
    """How long a contender took, in seconds; at least so long where it was stopped."""

    seconds: float
    done: bool


def _fit(sizes: list[int], checks: dict[int, Told | None]) -> None:
    """(a) to its end at some sizes, and by their growth what it would need at others: an extrapolation."""
    print(f"\n(a) to its end, needed triples, seconds of processor; load {_load()}")
    points = []
    for count in sizes:
        with tempfile.TemporaryDirectory() as name:
            prepare(Path(name), count)
            told = _alone(PYSHACL, Path(name), count, 36_000.0)
        print(f"  {count:>6,} plans {told['processor']:>10.1f} s, {told['found']} lowered", flush=True)
        points.append((log(count), log(told["processor"])))
    if len(points) < 2:
        return
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    power = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    print(f"  grows with the {power:.2f}th power of the plans; extrapolated:")
    for count, check in checks.items():
        needed = exp(mean_y + power * (log(count) - mean_x))
        ratio = f", {needed / check.seconds:,.0f} times check" if check else ""
        print(f"  {count:>6,} plans {needed:>10,.0f} s{ratio}")


def _print(contender: str, told: dict[str, Any], bound: float) -> None:
    if told["seconds"] is None:
        print(f"  {contender:<30} not done in {bound:.0f} s", flush=True)
        return
    found = f"{told['found']:>8,} lowered" if "found" in told else " " * 16
    parts = "; ".join(f"{name} {part:.2f} s" for name, part in told.get("parts", {}).items())
    share = f"full build {told['full']:.1f} s: {told['share']:.2%}" if "share" in told else ""
    spent = f"{told['processor']:.0f} s of processor with loading"
    print(
        f"  {contender:<30}{told['seconds']:>10.3f} s {found} {told['megabytes']:>6,} MB, {spent}  {parts}{share}",
        flush=True,
    )


def _ratios(told: dict[tuple[str, int], Told], sizes: list[int]) -> None:
    print("\nratios")
    for count in sizes:
        for mine, theirs in (("check", "(a)"), ("check", "(b)"), ("compare", "(c)")):
            own = told.get((mine, count))
            for (name, size), other in told.items():
                if size == count and name.startswith(theirs) and own:
                    least = "" if other.done else "at least "
                    print(f"  {count:>6,} plans: {name} / {mine} = {least}{other.seconds / own.seconds:.1f}")
    for small, large in pairwise(sizes):
        for contender in ("check", "compare"):
            first, second = told.get((contender, small)), told.get((contender, large))
            if first and second:
                times = second.seconds / first.seconds
                print(f"  {contender}: {large / small:.0f} times the plans, {times:.1f} times the time")


if __name__ == "__main__":
    main()
