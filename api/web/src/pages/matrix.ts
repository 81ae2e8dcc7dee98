/** The matrix: cells open in place, a long one is drawn as one scrolls, the values of an indicator become a chart. */

import { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from "@tanstack/virtual-core";
import type { Value } from "../values";
import { make, t } from "../words";

interface Table {
  count: number;
  targets: { key: string; document: string; value: string }[];
  places: { document: string; title: string; place?: string; depth: number }[];
  cells: { outcome: string; value?: string }[][];
  signs: Record<string, { sign: string; tone: string; label: string }>;
}

const SLICE = 100; // rows that are asked for at a time, when they come into sight
const SILENT = new Set(["outside", "no_document", "not_recorded", "not_compared"]);
const grid = document.querySelector<HTMLElement>(".scroll.grid");
const dialog = document.querySelector<HTMLDialogElement>("dialog.clauses-of");

if (grid && dialog) {
  grid.addEventListener("click", (event) => {
    const link = (event.target as Element).closest<HTMLAnchorElement>("td a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    void open(link, dialog);
  });
  if (grid.dataset.all) void virtual(grid, grid.dataset.all);
}

/** Show both clauses of a cell in the dialog; where that fails, go to their page. */
async function open(link: HTMLAnchorElement, into: HTMLDialogElement): Promise<void> {
  try {
    const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const clauses = page.getElementById("clauses");
    if (!answer.ok || !clauses) throw new Error(String(answer.status));
    into.querySelector(".content")?.replaceChildren(document.importNode(clauses, true));
    into.showModal();
  } catch {
    location.assign(link.href);
  }
}

/** Put all rows into the table, but of them only the cells in sight; each stands where it belongs, and nothing else is laid out. */
async function virtual(box: HTMLElement, address: string): Promise<void> {
  const table = box.querySelector("table");
  const body = table?.tBodies[0];
  if (!table || !body) return;
  // Whole slices, each asked for once; what is not here yet is an empty row.
  const slices = new Map<number, Table | null>();
  const slice = async (at: number): Promise<Table | null> => {
    if (slices.has(at)) return slices.get(at)!;
    slices.set(at, null);
    const answer = await fetch(`${address}&offset=${at * SLICE}&limit=${SLICE}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) {
      slices.delete(at); // asked for again when it is next in sight
      return null;
    }
    const part = (await answer.json()) as Table;
    slices.set(at, part);
    return part;
  };
  const all = await slice(0);
  if (!all) return; // the rows that the page came with stay, with links to the others
  const made = new Map<number, HTMLTableRowElement>();
  const height = Math.round(parseFloat(getComputedStyle(document.documentElement).fontSize) * 3.4);
  const query = new URL(address, location.href).searchParams.get("lang");
  const language = query ? `&lang=${query}` : "";
  const cellPath = box.dataset.cell?.split("?")[0] ?? "";
  const tails = all.targets.map(
    (one) => `&upper=${encodeURIComponent(one.document)}&key=${encodeURIComponent(one.key)}${language}`,
  );
  // A cell is a link with a text of two lines and nothing else: thousands are made while one scrolls. The sign stands
  // before it by the style sheet, for the eye alone; the word that it stands for is read.
  const pattern = make("tr", { role: "row" }, make("th", { scope: "row", role: "rowheader" }, make("a")));
  const cellPattern = make("td", { role: "cell" }, make("a"));
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const columns = () => {
    const last = Math.ceil((box.scrollLeft + box.clientWidth - 7.5 * rem) / (9 * rem));
    return { from: Math.max(Math.floor(box.scrollLeft / (9 * rem)) - 1, 0), to: Math.min(last + 1, all.targets.length) };
  };
  let { from, to } = columns();

  const waiting = (index: number): HTMLTableRowElement => {
    const row = pattern.cloneNode(true) as HTMLTableRowElement;
    row.setAttribute("aria-rowindex", String(index + 2));
    row.style.transform = `translateY(${index * height}px)`;
    row.setAttribute("aria-busy", "true");
    const at = Math.floor(index / SLICE);
    if (!slices.has(at))
      void slice(at).then((part) => {
        if (!part) return;
        shown = "";
        render();
      });
    return row;
  };

  const rowOf = (index: number): HTMLTableRowElement => {
    const known = made.get(index);
    if (known) return known;
    const part = slices.get(Math.floor(index / SLICE));
    if (!part) return waiting(index);
    const place = part.places[index % SLICE]!;
    const slug = encodeURIComponent(place.document);
    const row = pattern.cloneNode(true) as HTMLTableRowElement;
    row.setAttribute("aria-rowindex", String(index + 2));
    row.style.transform = `translateY(${index * height}px)`;
    const head = row.cells[0];
    head!.className = `d${place.depth}`;
    const name = head!.firstChild as HTMLAnchorElement;
    name.setAttribute("href", `/plans/${slug}${query ? `?lang=${query}` : ""}`);
    name.title = place.title;
    name.textContent = place.place ?? place.document;
    for (let at = from; at < to; at++) {
      const cell = part.cells[index % SLICE]![at]!;
      const told = part.signs[cell.outcome]!;
      const td = cellPattern.cloneNode(true) as HTMLTableCellElement;
      td.setAttribute("aria-colindex", String(at + 2));
      td.style.left = `${(7.5 + at * 9) * rem}px`;
      row.append(td);
      td.className = SILENT.has(cell.outcome) ? "none" : told.tone;
      td.setAttribute("data-sign", told.sign);
      const said = td.firstChild as HTMLAnchorElement;
      if (SILENT.has(cell.outcome)) td.replaceChild(make("span", { class: "hidden" }, told.label), said);
      else {
        said.setAttribute("href", `${cellPath}?plan=${slug}${tails[at]}`);
        said.textContent = cell.value ? `${told.label}\n${cell.value}` : told.label;
      }
    }
    if (made.size > 200) made.clear();
    made.set(index, row);
    return row;
  };

  let shown = "";
  let held: HTMLTableRowElement[] = [];
  const render = () => {
    const items = virtualizer.getVirtualItems();
    const [first, last] = [items[0], items.at(-1)];
    if (!first || !last || shown === `${first.index}-${last.index}`) return;
    shown = `${first.index}-${last.index}`;
    // Rows that stay are not touched: the browser lays out what is new alone.
    const rows = items.map((one) => rowOf(one.index));
    const stays = new Set(rows);
    for (const row of held) if (!stays.has(row)) row.remove();
    for (const [at, row] of rows.entries()) if (body.children[at] !== row) body.insertBefore(row, body.children[at] ?? null);
    held = rows;
  };
  const virtualizer = new Virtualizer<HTMLElement, HTMLTableRowElement>({
    count: all.count,
    getScrollElement: () => box,
    estimateSize: () => height,
    overscan: 3,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: render,
  });
  box.addEventListener("scroll", () => {
    const now = columns();
    if (now.from === from && now.to === to) return;
    ({ from, to } = now);
    made.clear();
    shown = "";
    render();
  });
  box.classList.add("virtual");
  table.setAttribute("aria-colcount", String(all.targets.length + 1));
  table.style.width = `calc(7.5rem + ${all.targets.length} * 9rem)`;
  body.style.height = `${all.count * height}px`;
  body.replaceChildren();
  // Laid out by other means than a table, it has to be told to be one still.
  table.setAttribute("role", "table");
  for (const one of table.querySelectorAll("thead, tbody")) one.setAttribute("role", "rowgroup");
  for (const one of table.querySelectorAll("thead tr")) one.setAttribute("role", "row");
  for (const one of table.querySelectorAll("thead th")) one.setAttribute("role", "columnheader");
  document.querySelector(".paging")?.remove();
  virtualizer._didMount();
  virtualizer._willUpdate();
  render();
}

for (const figure of document.querySelectorAll<HTMLElement>("figure.chart")) void chart(figure);

/** A chart of the values that stand in the table below it; its library is loaded only here. */
async function chart(figure: HTMLElement): Promise<void> {
  const values = JSON.parse(document.getElementById(figure.dataset.source ?? "")?.textContent ?? "[]") as Value[];
  const { drawValues } = await import("../values");
  figure.hidden = false;
  const drawn = drawValues(figure.querySelector<HTMLElement>(".canvas")!, values);
  const picture = figure.querySelector<HTMLAnchorElement>("a.picture");
  if (!drawn || !picture) return figure.replaceChildren(make("p", {}, t("no_figures")));
  const take = () => (picture.href = drawn.picture());
  take();
  picture.addEventListener("focus", take);
  picture.addEventListener("pointerenter", take);
}
