"""The client itself: one method a kind of request."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, cast
from urllib.parse import quote

import httpx

from api.client.answers import Answer, from_question, from_select
from api.client.errors import NotOurs, ServiceProblem, Unavailable, Unreachable, problem
from api.client.shapes import Finding, Plan, PlanDetail, Question, Report, SearchAnswer, SearchResult

_JSON = "application/json"
_RESULTS = "application/sparql-results+json"
_QUERY = "application/sparql-query"
_LONGEST_WAIT = 30.0  # seconds between two tries, whatever Retry-After says
Parameter = str | int


class Zhengmai:
    """A service at an address. Close it, or use it with ``with``; it may be shared by threads.

    Args:
        url: where the service is; a path before it is kept (https://example.org/zhengmai).
        lang: the language of labels, titles and errors, ``zh`` or ``en``.
        timeout: seconds to wait for a connection and for each part of an answer.
        retries: how often a request is tried again when the service is busy (503, after Retry-After) or nobody answers.
        token: for what only those may do who have one.
        headers: more headers for every request.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        lang: str = "zh",
        timeout: float = 60.0,
        retries: int = 3,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if lang not in ("zh", "en"):
            raise ValueError(f"lang={lang!r}: zh or en")
        self.lang = lang
        self._retries = retries
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(
            base_url=url.rstrip("/") + "/",
            timeout=timeout,
            headers={"Accept-Language": lang, "User-Agent": "zhengmai-client", **bearer, **(headers or {})},
            follow_redirects=True,
        )

    def __enter__(self) -> Zhengmai:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    # -- questions ---------------------------------------------------------------------------------------------

    def questions(self) -> list[Question]:
        """The questions that there are, each with its parameters, its columns and an example."""
        return cast("list[Question]", self._json("questions"))

    def ask(
        self,
        question: str,
        values: Mapping[str, Parameter] | None = None,
        /,
        *,
        limit: int | None = None,
        offset: int = 0,
        **parameters: Parameter,
    ) -> Answer:
        """The answer to a question. Values are what people type: IRIs, codes, labels in Chinese or English.

        They are given by name, or as a mapping. Without ``limit`` all rows; with one, those from ``offset`` on, while
        ``count`` tells how many there are.
        """
        part = {"limit": limit, "offset": offset} if limit is not None else {}
        asked = {**(values or {}), **parameters, **part, "lang": self.lang}
        return from_question(self._json(f"questions/{quote(question, safe='')}", asked))

    def pages(
        self,
        question: str,
        values: Mapping[str, Parameter] | None = None,
        /,
        *,
        size: int = 1000,
        **parameters: Parameter,
    ) -> Iterator[Answer]:
        """The answer to a question in parts of ``size`` rows, for one that is too long to hold."""
        offset = 0
        while True:
            part = self.ask(question, {**(values or {}), **parameters}, limit=size, offset=offset)
            yield part
            offset += len(part)
            if not part or offset >= part.count:
                return

    def ask_graph(
        self,
        question: str,
        values: Mapping[str, Parameter] | None = None,
        /,
        *,
        media_type: str = "text/turtle",
        **parameters: Parameter,
    ) -> str:
        """The answer to a question whose answer is a graph, written in RDF."""
        path = f"questions/{quote(question, safe='')}"
        asked = {**(values or {}), **parameters, "lang": self.lang}
        return self._send("GET", path, params=asked, headers={"Accept": media_type}).text

    # -- SPARQL ------------------------------------------------------------------------------------------------

    def select(self, query: str) -> Answer:
        """The rows of a SELECT, typed by their datatypes."""
        told = self._sparql(query, _RESULTS)
        if "results" not in told:
            raise ValueError("this is no SELECT; ASK goes to asks(), CONSTRUCT and DESCRIBE to graph()")
        return from_select(told)

    def asks(self, query: str) -> bool:
        """The answer to an ASK."""
        told = self._sparql(query, _RESULTS)
        if "boolean" not in told:
            raise ValueError("this is no ASK; SELECT goes to select(), CONSTRUCT and DESCRIBE to graph()")
        return bool(told["boolean"])

    def graph(self, query: str, media_type: str = "text/turtle") -> str:
        """The graph of a CONSTRUCT or DESCRIBE, written in RDF."""
        return self._send(
            "POST", "sparql", content=query.encode(), headers={"Content-Type": _QUERY, "Accept": media_type}
        ).text

    def _sparql(self, query: str, accept: str) -> dict[str, Any]:
        answer = self._send(
            "POST", "sparql", content=query.encode(), headers={"Content-Type": _QUERY, "Accept": accept}
        )
        return cast("dict[str, Any]", _parsed(answer))

    # -- plans, findings, drafts -----------------------------------------------------------------------------------

    def plans(self) -> list[Plan]:
        """All documents, from the nation to the counties."""
        return cast("list[Plan]", self._json("plans", {"lang": self.lang}))

    def plan(self, slug: str) -> PlanDetail:
        """One document: counts, the line above it, and its record."""
        return cast("PlanDetail", self._json(f"plans/{quote(slug, safe='')}", {"lang": self.lang}))

    def record(self, slug: str) -> dict[str, Any] | None:
        """What was read from a document: tasks, targets and the rest; None for one that is only cited."""
        return self.plan(slug)["record"]

    def findings(self, *, size: int = 500, **filters: str) -> Iterator[Finding]:
        """What the check found, gravest first. Filters: severity, outcome, place, plan."""
        offset = 0
        while True:
            told = self._json("findings", {**filters, "limit": size, "offset": offset})
            yield from told["findings"]
            offset += len(told["findings"])
            if not told["findings"] or offset >= told["count"]:
                return

    def check(
        self,
        draft: Path | str,
        *,
        jurisdiction: str | None = None,
        status: str = "draft",
        name: str | None = None,
    ) -> Report:
        """Hold a draft (.txt, .docx, .pdf, .html) against the plans; nothing of it is kept.

        ``jurisdiction`` is the code or name of its place where the title does not tell.
        """
        path = Path(draft)
        fields = {"status": status, **({"jurisdiction": jurisdiction} if jurisdiction else {})}
        answer = self._send(
            "POST",
            "drafts",
            files={"file": (name or path.name, path.read_bytes())},
            data=fields,
            headers={"Accept": _JSON},
        )
        return cast("Report", _parsed(answer))

    # -- search --------------------------------------------------------------------------------------------------

    def search(
        self,
        words: str,
        *,
        kind: str | Sequence[str] = (),
        place: str | None = None,
        level: str | Sequence[str] = (),
        limit: int = 20,
        offset: int = 0,
    ) -> SearchAnswer:
        """One page of what is found by words, best first."""
        asked = {
            "q": words, "kind": kind, "place": place or "", "level": level, "limit": limit, "offset": offset,
        }  # fmt: skip
        return cast("SearchAnswer", self._json("search", asked))

    def results(
        self,
        words: str,
        *,
        kind: str | Sequence[str] = (),
        place: str | None = None,
        level: str | Sequence[str] = (),
    ) -> Iterator[SearchResult]:
        """All that is found by words, best first; the next page is fetched when it is needed."""
        offset = 0
        while True:
            page = self.search(words, kind=kind, place=place, level=level, limit=100, offset=offset)
            yield from page["results"]
            offset += len(page["results"])
            if not page["results"] or offset >= page["count"]:
                return

    # -- files ---------------------------------------------------------------------------------------------------

    def download(self, path: str, to: Path | str, **parameters: Parameter) -> Path:
        """Store what an address of the service gives as a file, which appears whole or not at all.

        ``download("findings", "findings.xlsx", format="xlsx")``; ``path`` may be a whole address of the service.
        """
        target = Path(to)
        part = target.with_name(f".{target.name}.part")
        try:
            self._send("GET", path.lstrip("/"), params=parameters, into=part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return target

    def health(self) -> dict[str, Any]:
        """That the service can answer, and from which build."""
        return cast("dict[str, Any]", self._json("health"))

    # -- the wire ------------------------------------------------------------------------------------------------

    def _json(self, path: str, parameters: Mapping[str, Any] | None = None) -> Any:
        return _parsed(self._send("GET", path, params=parameters, headers={"Accept": _JSON}))

    def _send(self, method: str, path: str, *, into: Path | None = None, **request: Any) -> httpx.Response:
        """Send, and try again where it may help. Raises Unreachable and ServiceProblem."""
        for left in range(self._retries, -1, -1):
            try:
                answer = self._once(method, path, into, request)
            except httpx.ConnectError as error:
                if not left:
                    raise Unreachable(f"{self._http.base_url}: nobody answers ({error})") from error
                time.sleep(_pause(None, self._retries - left))
                continue
            except httpx.TimeoutException as error:
                raise Unreachable(
                    f"{method} {path}: no answer in {self._http.timeout.read:g} seconds"
                ) from error
            except (httpx.TransportError, httpx.InvalidURL) as error:
                raise Unreachable(f"{method} {path}: {error}") from error
            if answer.is_success:
                return answer
            wrong = _problem(answer)
            if not (isinstance(wrong, Unavailable) and left):
                raise wrong
            time.sleep(_pause(wrong.retry_after, self._retries - left))
        raise AssertionError("the last try returns or raises")

    def _once(self, method: str, path: str, into: Path | None, request: dict[str, Any]) -> httpx.Response:
        with self._http.stream(method, path, **request) as answer:
            if into is None or not answer.is_success:
                answer.read()
            else:
                with into.open("wb") as out:
                    for piece in answer.iter_bytes():
                        out.write(piece)
            return answer


def _pause(retry_after: float | None, tried: int) -> float:
    """Seconds before the next try: what the service says, else half a second and twice as long each time."""
    return min(_LONGEST_WAIT, retry_after if retry_after is not None else 0.5 * 2**tried)


def _parsed(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        kind = answer.headers.get("content-type", "–")
        raise NotOurs(
            f"{answer.url}: answers with {kind}, not with JSON; is this a Zhengmai service?"
        ) from error


def _problem(answer: httpx.Response) -> ServiceProblem:
    try:
        members = answer.json()
    except ValueError:
        members = None
    if not isinstance(members, dict):
        members = {"title": answer.reason_phrase, "detail": answer.text[:200]}
    after = answer.headers.get("retry-after", "")
    return problem(answer.status_code, members, float(after) if after.isdecimal() else None)
