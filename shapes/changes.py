"""The differences of two versions of a plan, told: as text, as one HTML page, as JSON."""

from functools import lru_cache
from importlib.resources import files
from typing import Final, Literal, get_args

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from graph.differences import AgencyChange, Differences, TargetChange, TaskChange
from graph.errors import BadParameter
from ontology.vocabulary import load_vocabularies
from shapes.phrases import all_words
from shapes.rules import Lang

Format = Literal["text", "json", "html"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
_MARKS: Final = {"added": "+", "removed": "−", "changed": "~"}


def render(found: Differences, format: str = "text", lang: Lang = "zh") -> str:
    """Return the differences as ``text``, ``json`` or ``html``. Raises BadParameter for another format."""
    match format:
        case "text":
            return _text(Told(found, lang))
        case "json":
            return found.model_dump_json(indent=2) + "\n"
        case "html":
            return _template().render(told=Told(found, lang), found=found)
        case _:
            raise BadParameter(
                f"there is no format “{format}”; choose one of: {', '.join(FORMATS)}",
                parameter="format",
                allowed=FORMATS,
            )


class Told:
    """The differences in the words of a language; the templates use it too."""

    def __init__(self, found: Differences, lang: Lang) -> None:
        self.found = found
        self.lang: Lang = lang
        self.words = all_words()[lang]

    def __getitem__(self, key: str) -> str:
        return self.words[f"diff_{key}"]

    @property
    def language(self) -> str:
        return self.words["language"]

    def lead(self) -> str:
        """One sentence with the counts."""
        if self.found.is_same:
            return self["same"]
        counts = {
            f"{name}_{kind}": sum(1 for change in changes if change.kind == kind)
            for name, changes in (("tasks", self.found.tasks), ("targets", self.found.targets))
            for kind in _MARKS
        }
        return self["lead"].format(**counts)

    def mark(self, change: TaskChange | TargetChange) -> str:
        return _MARKS[change.kind]

    def kind(self, change: TaskChange | TargetChange) -> str:
        """Added, removed, or what was changed."""
        if change.kind != "changed" or isinstance(change, TargetChange):
            return self[change.kind]
        named = [(change.renamed, "renamed"), (change.moved, "moved"), (bool(change.agencies), "agencies")]
        return self.words["diff_list"].join(self[key] for is_so, key in named if is_so)

    def subject(self, change: TaskChange | TargetChange) -> str:
        """The title of a task, the indicator and year of a target."""
        side = change.after or change.before
        assert side is not None
        if isinstance(change, TaskChange):
            return side.title  # type: ignore[union-attr]
        year = side.year  # type: ignore[union-attr]
        said = self.words["year"].format(year=year) if year else ""
        return " ".join(filter(None, [side.indicator, said]))  # type: ignore[union-attr]

    def lines(self, change: TaskChange | TargetChange) -> list[tuple[str, str, str]]:
        """What differs, line by line: of what, before, after."""
        rows: list[tuple[str, str, str]] = []
        if isinstance(change, TaskChange):
            if change.before and change.after:
                if change.renamed:
                    rows.append((self["title"], change.before.title, change.after.title))
                if change.moved:
                    was, now = (
                        " › ".join([*side.under, side.path]) for side in (change.before, change.after)
                    )
                    rows.append((self["place"], was, now))
        elif change.kind == "changed":
            assert change.before
            assert change.after
            for field in change.fields:
                old, new = field.before, field.after
                if field.field == "value":  # with its unit, as one says it
                    old, new = change.before.value, change.after.value
                before, after = (self._value(field.field, one) for one in (old, new))
                rows.append((self[f"field_{field.field}"], before, after))
        else:
            side = change.before or change.after
            assert side is not None
            told = " ".join(filter(None, [side.value, self.words["quote_of"].format(quote=side.quote)]))
            rows.append((self["target"], *((told, "") if change.before else ("", told))))
        rows += [self._agency(agency) for agency in change.agencies]
        return rows

    def paths(self, change: TaskChange | TargetChange) -> str:
        """Where it stands: 二/（一）→ 二/（二）."""
        found = [side.path for side in (change.before, change.after) if side]
        return " → ".join(dict.fromkeys(filter(None, found)))

    def _agency(self, change: AgencyChange) -> tuple[str, str, str]:
        return (change.agency, self._role(change.before), self._role(change.after))

    def _role(self, role: str | None) -> str:
        return self["none"] if role is None else self._label("role", role)

    def _value(self, field: str, value: str | None) -> str:
        if value is None:
            return self["none"]
        return self._label("measure", value) if field == "measure" else value

    def _label(self, scheme: str, key: str) -> str:
        concept = load_vocabularies().concept(scheme, key)
        return concept.label_en if self.lang == "en" else concept.label_zh


def _text(told: Told) -> str:
    found = told.found
    lines = [
        told["heading"],
        f"− {found.before.name} 《{found.before.title}》",
        f"+ {found.after.name} 《{found.after.title}》",
    ]
    lines += ["", told.lead()]
    for heading, changes in (("tasks", found.tasks), ("targets", found.targets)):
        if changes:
            lines += ["", f"{told[heading]} ({len(changes)})"]
        for change in changes:
            lines.append(
                f"{told.mark(change)} {told.kind(change)} · {told.subject(change)}  [{told.paths(change)}]"
            )
            for of, before, after in told.lines(change):
                lines.append(f"    {of}: " + (" → ".join(filter(None, [before, after]))))
    return "\n".join(lines) + "\n"


@lru_cache(maxsize=1)
def _template() -> Template:
    folder = files("shapes") / "templates"
    environment = Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("changes.html")
