/** Rows of an answer as a table: sorted by a click on a heading, filtered by a word, a hundred at a time. */

import { number, type Answer, type Cell } from "./answer";
import { irisOf, shownAt, type Labels } from "./labels";
import { make, t } from "./words";

const STEP = 100;

export function resultTable(answer: Answer, labels: Labels): HTMLElement {
  const body = make("tbody");
  const head = make("tr");
  const more = make("button", { type: "button", class: "quiet", hidden: "" }); // it has words when the rows are there
  const filter = make("input", { type: "search", "aria-label": t("filter"), placeholder: t("filter") });
  let order: { at: number; down: boolean } | undefined;
  let rows = answer.rows;
  let shown = 0;

  const text = (cell: Cell | undefined) => (!cell ? "" : cell.type === "uri" ? labels.of(cell.value) : cell.value);

  const cellOf = (cell: Cell | undefined): HTMLElement => {
    const td = make("td");
    if (!cell) return td;
    if (cell.type === "uri") {
      const at = shownAt(cell.value) ?? (/^https?:/.test(cell.value) ? cell.value : undefined);
      const own = at !== undefined && at.startsWith("/");
      td.append(at ? make("a", { href: at, title: cell.value, rel: own ? undefined : "noreferrer" }, text(cell)) : text(cell));
    } else {
      td.append(cell.value);
      if (!Number.isNaN(number(cell))) td.className = "number";
      if (cell["xml:lang"]) td.lang = cell["xml:lang"];
    }
    if (td.textContent!.length > 16) td.classList.add("long");
    return td;
  };

  const add = async () => {
    const part = rows.slice(shown, shown + STEP);
    shown += part.length;
    await labels.load(irisOf(part));
    body.append(...part.map((row) => make("tr", {}, ...answer.names.map((_, at) => cellOf(row[at])))));
    const left = rows.length - shown;
    more.hidden = left <= 0;
    more.textContent = t("more", { count: Math.min(left, STEP) });
  };

  const again = async () => {
    const word = filter.value.trim().toLowerCase();
    if (word || order) await labels.load(irisOf(answer.rows).slice(0, 2000));
    rows = word ? answer.rows.filter((row) => row.some((cell) => text(cell).toLowerCase().includes(word))) : [...answer.rows];
    if (order) {
      const { at, down } = order;
      rows.sort((a, b) => {
        const [x, y] = [number(a[at]), number(b[at])];
        const rank = Number.isNaN(x) || Number.isNaN(y) ? text(a[at]).localeCompare(text(b[at]), "zh") : x - y;
        return down ? -rank : rank;
      });
    }
    for (const [at, th] of [...head.cells].entries())
      th.setAttribute("aria-sort", order?.at === at ? (order.down ? "descending" : "ascending") : "none");
    body.replaceChildren();
    shown = 0;
    await add();
  };

  for (const [at, name] of answer.names.entries()) {
    const button = make("button", { type: "button", class: "plain" }, name);
    button.addEventListener("click", () => {
      order = { at, down: order?.at === at && !order.down };
      void again();
    });
    head.append(make("th", { scope: "col", "aria-sort": "none" }, button));
  }
  more.addEventListener("click", () => void add());
  let waiting: number | undefined;
  filter.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => void again(), 150);
  });
  void add();
  const scroll = make(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": t("columns_of") },
    make("table", {}, make("thead", {}, head), body),
  );
  return make("div", { class: "result" }, ...(answer.rows.length > 10 ? [filter] : []), scroll, more);
}
