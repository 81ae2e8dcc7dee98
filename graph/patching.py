"""Apply corrections to a record: find the item that each is about, by its words, and patch it or tell why not.

Items are matched as the reader left them, never as another correction made them: the order of the entries matters only
where two say something of the same field.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from graph.corrections import SETTABLE, At, Correction, Item, What, effective_place, is_sound
from graph.quotes import Words, fold
from graph.record import Action, Assignment, NonTarget, PlanRecord, Problem, Span, Target
from ontology.terms import dotted


@dataclass
class _Slot:
    """An item of the record and what it was before any correction; ``host`` is what an assignment belongs to."""

    item: Item
    before: Item
    owner: list[Any]
    path: str
    host: Item | None = None


@dataclass
class Applied:
    """What became of the corrections. ``entries`` has the first entry that made or changed an item, by its id();
    ``made`` the ids of those that only a correction put there."""

    record: PlanRecord
    entries: dict[int, Correction] = field(default_factory=dict)
    made: set[int] = field(default_factory=set)
    failed: list[tuple[Correction, Problem]] = field(default_factory=list)


def apply_corrections(
    record: PlanRecord, corrections: Sequence[Correction], text: str | None = None
) -> Applied:
    """Patch ``record`` in place. ``text`` is the kept text; None for a record written by hand, which has none."""
    return _Patch(record, text).run(corrections) if corrections else Applied(record)


class _Failed(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Patch:
    def __init__(self, record: PlanRecord, text: str | None) -> None:
        self.record = record
        self.words = Words(text) if text is not None else None
        self.done = Applied(record)
        self.slots: dict[What, list[_Slot]] = {
            what: [] for what in ("target", "cited_target", "action", "assignment", "non_target")
        }
        for what, items in self._lists().items():
            for item in items:
                if isinstance(item, Target):
                    # Targets of one listed item share their agencies; what is said of one is not said of all.
                    item.assignments = [one.model_copy() for one in item.assignments]
                self._take(what, item, items, item.path)

    def run(self, corrections: Sequence[Correction]) -> Applied:
        for one in corrections:
            try:
                self._apply(one)
            except _Failed as failure:
                about = f"{one.at.quote} · {one.at.agency}" if one.at.agency else one.at.quote
                problem = Problem(path=one.at.path, text=about, reason=f"correction_{failure.reason}")
                self.record.problems.append(problem)
                self.done.failed.append((one, problem))
        return self.done

    def _lists(self) -> dict[What, list[Any]]:
        record = self.record
        return {
            "target": record.targets,
            "cited_target": record.cited_targets,
            "action": record.actions,
            "non_target": record.non_targets,
        }

    def _take(self, what: What, item: Any, owner: list[Any], path: str, host: Item | None = None) -> _Slot:
        slot = _Slot(item, item.model_copy(), owner, path, host)
        self.slots[what].append(slot)
        for assignment in getattr(item, "assignments", ()):
            self._take("assignment", assignment, item.assignments, path, item)
        return slot

    def _apply(self, one: Correction) -> None:
        if one.do == "add":
            self._add(one)
            return
        slot = self._find(one)
        if slot is None:
            if self.words is None or not self._quoted(one):
                raise _Failed("stale")
            if one.do == "remove":
                return  # the reader no longer makes the mistake
            raise _Failed("unmatched")
        if one.do == "remove":
            slot.owner[:] = [item for item in slot.owner if item is not slot.item]
            for slots in self.slots.values():
                slots[:] = [s for s in slots if s is not slot and s.host is not slot.item]
            return
        if one.do == "change":
            self._set(slot.item, one)
        self._mark(slot.item, one)

    def _mark(self, item: Item, one: Correction) -> None:
        item.review = one.review()
        self.done.entries.setdefault(id(item), one)

    def _set(self, item: Item, one: Correction) -> None:
        values = dict(one.set)
        if isinstance(item, Target) and not is_sound(item.model_dump() | values):
            raise _Failed("unfit")
        if "quote" in values and self.words:
            span = self._nearest(values["quote"], getattr(item, "span", None))
            if span is None:
                raise _Failed("stale")
            values |= {"span": span, "quote": self.words.printed(span)}
        if isinstance(item, Target):
            # A concept and fields that were found by the old words are found anew, by linking.
            if "indicator" in values and "concept" not in values:
                values["concept"] = None
            if "scope" in values and "scope_domains" not in values:
                values["scope_domains"] = []
        if isinstance(item, Assignment) and "agency" in values and self.words and item.span:
            inside = self.words.find(values["agency"], item.span)
            values |= {"span": inside[0]} if inside else {}
        for name, value in values.items():
            setattr(item, name, value)

    # -- finding -----------------------------------------------------------------------------------------------

    def _quoted(self, one: Correction) -> bool:
        """Whether the words of a correction are still in the text."""
        if self.words is None or not self.words.find(one.at.quote):
            return False
        if one.what != "assignment":
            return True
        hosts = self._hosts(one.at)
        return not hosts or any(self.words.find(one.at.agency or "", self._stretch(h)) for h in hosts)

    def _find(self, one: Correction) -> _Slot | None:
        at = one.at
        if one.what == "assignment":
            hosts = {id(slot.item) for slot in self._hosts(at)}
            found = [
                slot
                for slot in self.slots["assignment"]
                if id(slot.host) in hosts
                and fold(cast("Assignment", slot.before).agency) == fold(at.agency or "")
            ]
            told = [s for s in found if cast("Assignment", s.before).role == at.role]
            return self._choose(told or found, at)
        found = self._by_words(self.slots[one.what], at)
        if one.what in {"target", "cited_target"}:
            found = _agreeing(found, at, one.set)
        return self._choose(found, at)

    def _by_words(self, slots: list[_Slot], at: At) -> list[_Slot]:
        words = fold(at.quote)
        same = [slot for slot in slots if fold(_quote(slot.before)) == words]
        if same or self.words is None:
            return same
        # Another extraction may quote a little more or a little less of the same sentence.
        spans = self.words.find(at.quote)
        found = []
        for slot in slots:
            span = slot.before.span
            if isinstance(slot.before, Action):
                title = fold(slot.before.title)
                near = dotted(slot.path) == dotted(at.path) and (title in words or words in title)
            else:
                near = span is not None and any(a < span[1] and span[0] < b for a, b in spans)
            if near:
                found.append(slot)
        needs_more = at.indicator is None and at.value is None
        return found if len(found) < 2 or not needs_more else []

    def _hosts(self, at: At) -> list[_Slot]:
        """The tasks, else the targets, that an assignment's place names."""
        kinds: tuple[What, ...] = ("action", "target", "cited_target")
        for what in kinds:
            found = self._by_words(self.slots[what], at)
            if what != "action":
                found = _agreeing(found, at, {})
            if found:
                here = [slot for slot in found if dotted(slot.path) == dotted(at.path)]
                return here or found
        return []

    def _choose(self, found: list[_Slot], at: At) -> _Slot | None:
        here = [slot for slot in found if dotted(slot.path) == dotted(at.path)]
        if here:
            return here[min(at.nth or 1, len(here)) - 1]
        if len(found) > 1:
            raise _Failed("ambiguous")
        return found[0] if found else None

    def _nearest(self, quote: str, span: Span | None) -> Span | None:
        found = self.words.find(quote) if self.words else []
        near = span[0] if span else 0
        return min(found, key=lambda one: abs(one[0] - near), default=None)

    # -- adding ------------------------------------------------------------------------------------------------

    def _add(self, one: Correction) -> None:
        if one.what == "assignment":
            self._add_assignment(one)
            return
        span, path = self._place(one.at)
        quote = self.words.printed(span) if self.words and span else one.at.quote
        values = dict(one.set)
        model = SETTABLE[one.what][0]
        slots = self.slots[one.what]
        made: Any
        if one.what == "action":
            above = self._headings(path)
            values = {"title": quote, "ancestors": above} | values
            made = Action(path=path, span=self._section(path, span), **values)
        elif one.what == "non_target":
            made = NonTarget(path=path, text=quote, span=span, **values)
        else:
            made = model(**({"path": path, "quote": quote, "span": span} | values))
        there = next((slot for slot in slots if _equal(slot.item, made)), None)
        if there is not None:
            # The reader has learnt to see it: it is there once, as the person said it.
            for name in one.set:
                setattr(there.item, name, getattr(made, name))
            self._mark(there.item, one)
            return
        owner = self._lists()[one.what]
        after = [n for n, item in enumerate(owner) if span and item.span and item.span > span]
        owner.insert(after[0] if after else len(owner), made)
        self._take(one.what, made, owner, path)
        self.done.made.add(id(made))
        self._mark(made, one)
        if isinstance(made, Target) and made.value_text and span:
            self._no_longer_unread(made, span)

    def _no_longer_unread(self, target: Target, span: Span) -> None:
        """A figure that is a target now is no longer one that was passed over."""
        printed = fold(target.value_text or "")
        for slot in list(self.slots["non_target"]):
            at = slot.item.span
            if at and span[0] <= at[0] and at[1] <= span[1] and self.words:
                figure = fold(self.words.text[slice(*at)])
                if figure and (figure in printed or printed in figure):
                    slot.owner[:] = [item for item in slot.owner if item is not slot.item]
                    self.slots["non_target"].remove(slot)

    def _add_assignment(self, one: Correction) -> None:
        hosts = self._hosts(one.at)
        host = self._choose(hosts, one.at)
        if host is None:
            raise _Failed("unmatched" if self.words and self.words.find(one.at.quote) else "stale")
        owner = cast("list[Assignment]", cast("Any", host.item).assignments)
        made = Assignment(**one.set)
        there = next((a for a in owner if fold(a.agency) == fold(made.agency)), None)
        if there is not None:
            there.role, there.members = made.role, made.members or there.members
            self._mark(there, one)
            return
        if self.words:
            found = self.words.find(one.at.agency or made.agency, self._stretch(host))
            if not found:
                raise _Failed("stale")
            made.span = found[0]
        owner.append(made)
        self._take("assignment", made, owner, host.path, host.item)
        self.done.made.add(id(made))
        self._mark(made, one)

    def _place(self, at: At) -> tuple[Span | None, str]:
        """Span and path of words to add. The path is that of the place where the words now stand."""
        if self.words is None:
            return None, at.path
        found = self.words.find(at.quote)
        if not found:
            raise _Failed("stale")
        holders = [self._holder(span, at.path) for span in found]
        here = [(s, p) for s, p in zip(found, holders, strict=True) if dotted(p) == dotted(at.path)]
        if here:
            return here[min(at.nth or 1, len(here)) - 1]
        if len(found) > 1:
            raise _Failed("ambiguous")
        return found[0], holders[0]

    def _holder(self, span: Span, named: str) -> str:
        """The path of the numbered place in which a span lies; rows of a table are no such places."""
        starts = [(p.span[0], p.path) for p in self.record.provisions if p.span and p.span[0] <= span[0]]
        numbered = {dotted(p.path) for p in self.record.provisions}
        used = any(slot.path == named for slots in self.slots.values() for slot in slots)
        if named and used and dotted(named) not in numbered:
            return named
        return max(starts, default=(0, named))[1]

    def _headings(self, path: str) -> list[str]:
        titles = {p.path: p.heading for p in self.record.provisions}
        steps = path.split("/")[:-1]
        above = ["/".join(steps[: n + 1]) for n in range(len(steps))]
        return [titles[one] for one in above if one in titles]

    def _section(self, path: str, span: Span | None) -> Span | None:
        """From the heading of a task to the next heading."""
        if span is None or self.words is None:
            return span
        start = next((p.span[0] for p in self.record.provisions if p.path == path and p.span), span[0])
        later = [p.span[0] for p in self.record.provisions if p.span and p.span[0] > span[0]]
        end = min(later, default=len(self.words.text))
        return min(start, span[0]), max(span[1], start + len(self.words.text[start:end].rstrip()))

    def _stretch(self, host: _Slot) -> Span | None:
        """The text in which the agencies of a task or target are named: its section."""
        if isinstance(host.item, Action) or host.item.span is None or self.words is None:
            return host.item.span
        later = [p.span[0] for p in self.record.provisions if p.span and p.span[0] > host.item.span[0]]
        return host.item.span[0], min(later, default=len(self.words.text))


def _quote(item: Item) -> str:
    if isinstance(item, Target):
        return item.quote
    if isinstance(item, Action):
        return item.title
    return item.text if isinstance(item, NonTarget) else item.agency


def _agreeing(found: list[_Slot], at: At, new: dict[str, Any]) -> list[_Slot]:
    """Those that have the indicator, value and year of the place, or at least one of the first two.

    A reader that has since improved may give what the correction asks for: that agrees as well.
    """
    told = [
        (name, value)
        for name, value in at
        if name in {"indicator", "value", "target_year"} and value is not None
    ]
    if not told:
        return found

    def score(slot: _Slot) -> tuple[int, bool]:
        hits = [_alike(getattr(slot.before, name), value, new.get(name)) for name, value in told]
        named = [hit for hit, (name, _) in zip(hits, told, strict=True) if name != "target_year"]
        return sum(hits), any(named) or not named

    scores = [(score(slot), slot) for slot in found]
    best = max((points for (points, fits), _ in scores if fits), default=0)
    return [slot for (points, fits), slot in scores if fits and points == best]


def _alike(has: Any, asked: Any, new: Any) -> bool:
    if isinstance(asked, str):
        return fold(has or "") in {fold(asked), fold(new or asked)}
    return has is not None and has in (asked, new)


def _equal(one: Item, made: Item) -> bool:
    """Whether what is to be added is there already."""
    if isinstance(one, Target) and isinstance(made, Target):
        near = fold(one.quote) == fold(made.quote) or _overlap(one.span, made.span)
        return (
            near
            and fold(one.indicator) == fold(made.indicator)
            and (one.value, one.target_year) == (made.value, made.target_year)
        )
    if isinstance(one, Action) and isinstance(made, Action):
        return dotted(one.path) == dotted(made.path) and fold(one.title) == fold(made.title)
    if isinstance(one, NonTarget) and isinstance(made, NonTarget):
        return fold(one.text) == fold(made.text) and dotted(one.path) == dotted(made.path)
    return False


def _overlap(one: Span | None, other: Span | None) -> bool:
    return bool(one and other and one[0] < other[1] and other[0] < one[1])


def places(record: PlanRecord, entries: dict[int, Correction]) -> Iterator[tuple[What, Item, At]]:
    """Every item of a record with the place that a correction of it would name.

    ``entries`` are those of `Applied`: an item that was corrected before keeps the place of its first correction,
    since later readings are matched by what the text says, not by what was made of it.
    """
    seen: dict[tuple[Any, ...], int] = {}

    def numbered(at: At) -> At:
        seen[at.key()] = count = seen.get(at.key(), 0) + 1
        return at.model_copy(update={"nth": count}) if count > 1 else at

    def place(item: Item, fresh: At) -> At:
        entry = entries.get(id(item))
        return effective_place(entry) if entry else numbered(fresh)

    def below(host: Any, at: At) -> Iterator[tuple[What, Item, At]]:
        for one in host.assignments:
            yield (
                "assignment",
                one,
                place(one, at.model_copy(update={"agency": one.agency, "role": one.role})),
            )

    for action in record.actions:
        at = place(action, At(path=action.path, quote=action.title))
        yield "action", action, at
        yield from below(action, at)
    kinds: tuple[tuple[What, Sequence[Target]], ...] = (
        ("target", record.targets),
        ("cited_target", record.cited_targets),
    )
    for what, targets in kinds:
        for target in targets:
            fresh = At(
                path=target.path,
                quote=target.quote,
                indicator=target.indicator,
                value=target.value,
                target_year=target.target_year,
            )
            at = place(target, fresh)
            yield what, target, at
            yield from below(target, at)
    for figure in record.non_targets:
        yield "non_target", figure, place(figure, At(path=figure.path, quote=figure.text))
