/** An answer as a chart: a column of numbers over a column of names, grouped by a third if one likes. */

import { number, numeric, type Answer } from "./answer";
import { axis, draw, tooltip } from "./chart";
import { irisOf, type Labels } from "./labels";
import { make, t } from "./words";

const KINDS = ["bar", "line", "scatter"] as const;

/** What is drawn: names of columns; kept in the address, so that a link shows the same chart. */
export interface Drawn {
  x?: string;
  y?: string;
  by?: string;
  kind?: string;
}

export function resultChart(answer: Answer, labels: Labels, chosen: Drawn, keep: (drawn: Drawn) => void): HTMLElement {
  const numbers = numeric(answer).map((at) => answer.names[at]!);
  if (!numbers.length) return make("p", {}, t("no_numbers"));
  const y = make("select", {}, ...numbers.map((one) => make("option", {}, one)));
  const x = make("select", {}, ...answer.names.map((one) => make("option", {}, one)));
  const by = make("select", {}, make("option", { value: "" }, t("none")), ...answer.names.map((one) => make("option", {}, one)));
  const kind = make("select", {}, ...KINDS.map((one) => make("option", { value: one }, t(one))));
  const years = answer.names.filter((_, at) => answer.rows.every((row) => !row[at] || row[at]!.datatype?.endsWith("#gYear")));
  const first = numbers.find((one) => !years.includes(one)) ?? numbers[0]!;
  y.value = numbers.includes(chosen.y ?? "") ? chosen.y! : first;
  const others = answer.names.filter((one) => one !== y.value);
  x.value = answer.names.includes(chosen.x ?? "") ? chosen.x! : (others.find((one) => !numbers.includes(one)) ?? others[0] ?? y.value);
  by.value = answer.names.includes(chosen.by ?? "") ? chosen.by! : "";
  kind.value = KINDS.includes(chosen.kind as (typeof KINDS)[number]) ? chosen.kind! : "bar";
  const canvas = make("div", { class: "canvas", role: "img", "aria-label": t("chart") });
  const picture = make("a", { download: "zhengmai-chart.png", href: "#" }, t("picture"));
  const figure = make(
    "figure",
    { class: "chart" },
    make(
      "div",
      { class: "choices" },
      make("label", {}, t("x"), x),
      make("label", {}, t("y"), y),
      make("label", {}, t("by"), by),
      make("label", {}, t("kind"), kind),
    ),
    canvas,
    make("figcaption", {}, picture),
  );

  let drawn: ReturnType<typeof draw> | undefined;
  const show = async () => {
    await labels.load(irisOf(answer.rows.slice(0, 2000)));
    const at = (name: string) => answer.names.indexOf(name);
    const text = (row: Answer["rows"][number], name: string) => {
      const cell = row[at(name)];
      return !cell ? "" : cell.type === "uri" ? labels.of(cell.value) : cell.value;
    };
    const rows = answer.rows.filter((row) => row[at(y.value)]);
    const names = [...new Set(rows.map((row) => text(row, x.value)))];
    const groups = by.value ? [...new Set(rows.map((row) => text(row, by.value)))] : [""];
    const long = names.some((one) => one.length > 6) || names.length > 14;
    const lies = kind.value === "bar" && long; // long names are read best beside bars that lie
    canvas.style.height = `${lies ? Math.min(Math.max(names.length, 4), 40) * (groups.length > 1 ? 44 : 28) + 110 : 420}px`;
    drawn?.end();
    drawn = draw(canvas, (now) => {
      const categories = axis(now, {
        type: "category",
        data: names,
        inverse: lies,
        axisLabel: { color: now.ink, width: Math.min(260, canvas.clientWidth * 0.38), overflow: "truncate", rotate: long && !lies ? 40 : 0 },
      });
      const values = axis(now, { type: "value", name: y.value, nameLocation: "middle", nameGap: lies ? 26 : 52, nameTextStyle: { color: now.soft } });
      const many = names.length > 40;
      return {
        tooltip: { ...tooltip(now), trigger: "item" },
        legend: groups.length > 1 ? { type: "scroll", textStyle: { color: now.ink }, top: 4 } : undefined,
        grid: { left: lies ? 8 : 36, right: 40, top: groups.length > 1 ? 44 : 24, bottom: 40, containLabel: true },
        xAxis: lies ? values : categories,
        yAxis: lies ? categories : values,
        dataZoom: many ? [{ type: "slider", [lies ? "yAxisIndex" : "xAxisIndex"]: 0, startValue: 0, endValue: 39 }] : [],
        series: groups.map((group) => ({
          type: kind.value,
          name: group || y.value,
          symbolSize: kind.value === "scatter" ? 12 : 7,
          label: { show: lies && rows.length <= 60, position: "right", color: now.ink },
          data: rows
            .filter((row) => !by.value || text(row, by.value) === group)
            .map((row) => {
              const pair = [text(row, x.value), number(row[at(y.value)])];
              return lies ? pair.reverse() : pair;
            }),
        })),
      };
    });
    const take = () => (picture.href = drawn!.picture());
    take();
    picture.onfocus = picture.onpointerenter = take;
  };
  for (const one of [x, y, by, kind])
    one.addEventListener("change", () => {
      keep({ x: x.value, y: y.value, by: by.value, kind: kind.value });
      void show();
    });
  keep({ x: x.value, y: y.value, by: by.value, kind: kind.value });
  // Only now has it a width
  requestAnimationFrame(() => void show());
  return figure;
}
