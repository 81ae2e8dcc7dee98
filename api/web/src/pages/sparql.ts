/** The SPARQL page: the editor in place of the text area, and answers that one can look at in three ways. */

import { fromJson, fromTriples, type Answer } from "../answer";
import { Editor } from "../editor";
import { Labels } from "../labels";
import type { Drawn } from "../result_chart";
import { resultTable } from "../result_table";
import { make, t } from "../words";

const VIEWS = ["table", "chart", "graph"] as const;
type View = (typeof VIEWS)[number];
const form = document.querySelector<HTMLFormElement>("form.editor")!;
const area = form.querySelector("textarea")!;
const place = form.querySelector<HTMLElement>(".code")!;
const answerBox = document.getElementById("answer")!;
const examples = document.querySelector<HTMLFormElement>("form.examples")!;
const labels = new Labels();
let running: AbortController | undefined;

place.hidden = false;
form.querySelector<HTMLElement>(".hint")!.hidden = false;
area.closest("label")!.hidden = true;
const editor = new Editor(
  place,
  area.value,
  () => void run(true),
  (text) => (area.value = text),
);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void run(true);
});
examples.addEventListener("submit", (event) => {
  event.preventDefault();
  const name = new FormData(examples).get("example") as string;
  void load(name);
});
addEventListener("popstate", () => {
  const query = new URLSearchParams(location.search).get("query");
  if (query === null) return answerBox.replaceChildren();
  editor.text = query;
  void run(false);
});
if (new URLSearchParams(location.search).get("query")) void run(false);

async function load(name: string): Promise<void> {
  const lang = new URLSearchParams(location.search).get("lang");
  const answer = await fetch(`/editor/examples/${encodeURIComponent(name)}${lang ? `?lang=${lang}` : ""}`);
  if (!answer.ok) return;
  editor.text = await answer.text();
  editor.focus();
}

/** The address of this query in some format, or of its page. */
function address(query: string, format?: string): string {
  const params = new URLSearchParams({ query });
  const lang = new URLSearchParams(location.search).get("lang");
  if (format) params.set("format", format);
  else if (lang) params.set("lang", lang);
  return `/sparql?${params}`;
}

async function run(push: boolean): Promise<void> {
  const query = editor.text;
  if (!query.trim()) return;
  running?.abort();
  const mine = (running = new AbortController());
  document.querySelector(".served")?.remove();
  editor.fault();
  answerBox.setAttribute("aria-busy", "true");
  answerBox.replaceChildren(make("p", { class: "soft" }, t("running")));
  if (push) history.pushState(null, "", address(query) + location.hash);
  const started = performance.now();
  try {
    const answer = await fetch("/sparql", {
      method: "POST",
      headers: {
        "Content-Type": "application/sparql-query; charset=utf-8",
        Accept: "application/sparql-results+json, application/n-triples;q=0.9, application/problem+json;q=0.1",
        "Accept-Language": document.documentElement.lang,
      },
      body: query,
      signal: mine.signal,
    });
    const text = await answer.text();
    if (mine !== running) return;
    if (!answer.ok) return failed(text);
    const kind = answer.headers.get("content-type") ?? "";
    show(kind.includes("json") ? fromJson(text) : fromTriples(text), query, (performance.now() - started) / 1000);
  } catch (error) {
    if (mine === running && !mine.signal.aborted) answerBox.replaceChildren(problem(t("failed"), String(error)));
  } finally {
    if (mine === running) answerBox.removeAttribute("aria-busy");
  }
}

function problem(title: string, detail: string): HTMLElement {
  return make("section", { class: "problem", role: "alert" }, make("h2", {}, title), make("p", {}, detail));
}

function failed(text: string): void {
  let told: { title?: string; detail?: string; line?: number; column?: number } = {};
  try {
    told = JSON.parse(text) as typeof told;
  } catch {
    // not of this service: a proxy between, perhaps
  }
  answerBox.replaceChildren(problem(told.title ?? t("failed"), told.detail ?? text.slice(0, 300)));
  if (told.line !== undefined) {
    editor.fault(told.detail, told.line, told.column);
    editor.focus();
  }
}

function show(answer: Answer, query: string, seconds: number): void {
  const formats = answer.graph ? ["turtle", "ntriples", "jsonld", "rdfxml"] : answer.truth === undefined ? ["csv", "tsv", "json", "xml"] : ["json", "xml"];
  const heading = make("h2", {}, t("answer"));
  const copy = make("button", { type: "button", class: "quiet" }, t("copy"));
  copy.addEventListener("click", () => {
    void navigator.clipboard?.writeText(location.href).then(() => (copy.textContent = t("copied")));
  });
  const downloads = make("p", {}, `${t("downloads")} `);
  for (const one of formats) downloads.append(make("a", { href: address(query, one), download: `zhengmai.${one}` }, one), " ");
  downloads.append("· ", make("a", { href: address(query) + location.hash, class: "share" }, t("link")), " ", ...(navigator.clipboard ? [copy] : []));
  if (answer.truth !== undefined) {
    answerBox.replaceChildren(heading, downloads, make("p", { class: "said" }, t(answer.truth ? "yes" : "no")));
    return;
  }
  const count = make("p", { class: "soft" }, t(answer.graph ? "triples" : "rows", { count: answer.rows.length, seconds: seconds.toFixed(2) }));
  const view = make("div", { class: "view" });
  const tabs = make("div", { class: "tabs", role: "group", "aria-label": t("views") });
  for (const one of VIEWS) {
    const tab = make("button", { type: "button", "aria-pressed": "false" }, t(one));
    tab.addEventListener("click", () => void choose(one));
    tabs.append(tab);
  }
  answerBox.replaceChildren(heading, downloads, count, tabs, view);
  if (!answer.rows.length) {
    tabs.remove();
    view.append(make("p", {}, t("empty")));
    return;
  }

  const choose = async (wanted: View) => {
    for (const [at, tab] of [...tabs.children].entries()) tab.setAttribute("aria-pressed", String(VIEWS[at] === wanted));
    if (wanted === "table") {
      keep({ view: undefined });
      view.replaceChildren(resultTable(answer, labels));
    } else if (wanted === "chart") {
      const { resultChart } = await import("../result_chart");
      view.replaceChildren(resultChart(answer, labels, kept() as Drawn, (drawn) => keep({ view: "chart", ...drawn })));
    } else {
      const { resultGraph } = await import("../result_graph");
      keep({ view: "graph" });
      view.replaceChildren(resultGraph(answer, labels));
    }
  };
  const before = kept().view as View | undefined;
  void choose(before && VIEWS.includes(before) ? before : "table");
}

/** How the answer is looked at stands behind the # of the address, so that a link opens the same. */
function kept(): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

function keep(values: Record<string, string | undefined>): void {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value) params.set(name, value);
  history.replaceState(null, "", location.pathname + location.search + (params.size ? `#${params}` : ""));
  document.querySelector("a.share")?.setAttribute("href", location.pathname + location.search + location.hash);
}
