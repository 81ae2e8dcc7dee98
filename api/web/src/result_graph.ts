/** An answer as a network: the triples of a graph, or two columns of IRIs. Names stand beside the dots. */

import { things, type Answer } from "./answer";
import { draw, tooltip } from "./chart";
import { irisOf, type Labels } from "./labels";
import { make, t } from "./words";

const MOST = 250;

export function resultGraph(answer: Answer, labels: Labels): HTMLElement {
  const columns = things(answer);
  if (!answer.graph && columns.length < 2) return make("p", {}, t("no_links"));
  const choice = (at: number) => {
    const select = make("select", {}, ...columns.map((one) => make("option", { value: String(one) }, answer.names[one]!)));
    select.value = String(at);
    return select;
  };
  const from = choice(columns[0] ?? 0);
  const to = choice(columns[1] ?? 2);
  const canvas = make("div", { class: "canvas", role: "img", "aria-label": t("graph") });
  const note = make("p", { class: "soft" });
  const picture = make("a", { download: "zhengmai-graph.png", href: "#" }, t("picture"));
  const choices = make("div", { class: "choices" }, make("label", {}, t("from_column"), from), make("label", {}, t("to_column"), to));
  const figure = make("figure", { class: "chart" }, ...(answer.graph ? [] : [choices]), canvas, note, make("figcaption", {}, picture));

  let drawn: ReturnType<typeof draw> | undefined;
  const show = async () => {
    const [a, b] = answer.graph ? [0, 2] : [Number(from.value), Number(to.value)];
    const links = answer.rows.filter((row) => row[a]?.type === "uri" && row[b]?.type === "uri");
    const part = links.slice(0, MOST);
    if (!part.length) {
      drawn?.end();
      canvas.hidden = true;
      note.textContent = t("no_links");
      return;
    }
    canvas.hidden = false;
    note.textContent = links.length > part.length ? t("cut", { count: MOST }) : "";
    await labels.load(irisOf(part));
    const degrees = new Map<string, number>();
    for (const row of part) for (const at of [a, b]) degrees.set(row[at]!.value, (degrees.get(row[at]!.value) ?? 0) + 1);
    canvas.style.height = "560px";
    drawn?.end();
    drawn = draw(canvas, (now) => ({
      tooltip: tooltip(now),
      series: [
        {
          type: "graph",
          layout: "force",
          force: { repulsion: 260, edgeLength: [60, 140], gravity: 0.08, layoutAnimation: false },
          roam: true,
          draggable: true,
          edgeSymbol: ["none", "arrow"],
          edgeSymbolSize: 7,
          lineStyle: { color: now.soft, opacity: 0.55 },
          labelLayout: { hideOverlap: true },
          label: { show: true, position: "right", color: now.ink, width: 180, overflow: "truncate" },
          edgeLabel: {
            show: answer.graph && part.length <= 40,
            color: now.soft,
            fontSize: 11,
            formatter: (one: { data: { said?: string } }) => one.data.said ?? "",
          },
          emphasis: { focus: "adjacency" },
          data: [...degrees].map(([iri, degree]) => ({
            id: iri,
            name: labels.of(iri),
            symbolSize: 9 + Math.min(Math.sqrt(degree) * 5, 30),
            itemStyle: { color: now.colours[kindOf(iri) % now.colours.length] },
          })),
          links: part.map((row) => ({
            source: row[a]!.value,
            target: row[b]!.value,
            said: answer.graph ? labels.of(row[1]!.value) : "",
          })),
        },
      ],
    }));
    const take = () => (picture.href = drawn!.picture());
    take();
    picture.onfocus = picture.onpointerenter = take;
  };
  for (const one of [from, to]) one.addEventListener("change", () => void show());
  requestAnimationFrame(() => void show());
  return figure;
}

/** Things of one kind have one colour: what stands behind /id/ tells the kind. */
function kindOf(iri: string): number {
  const kind = /\/id\/([^/]+)(?:\/[^/]+\/([a-z-]+))?/.exec(iri);
  const name = kind?.[2] ?? kind?.[1] ?? "";
  return [...name].reduce((sum, one) => (sum * 31 + one.codePointAt(0)!) >>> 0, 7);
}
