/** The values of an indicator: a line a document from the nation down, a mark for each year. */

import { axis, draw, tooltip, type Chart } from "./chart";
import { t } from "./words";

export interface Value {
  place: string;
  plan: string;
  year: string | number | null;
  value: string;
  number: number | null;
  unit: string | null;
  kind: string;
  targetIri: string;
}

/** Draws what has figures; nothing where none has. Units that differ are not mixed: the commonest one is drawn. */
export function drawValues(into: HTMLElement, all: Value[]): Chart | undefined {
  // What one document says of another stands in the table, not among the values that are set.
  const figures = all.filter((one) => one.number !== null && !one.targetIri.includes("/cited-target/"));
  const counts = new Map<string, number>();
  for (const one of figures) counts.set(one.unit ?? "", (counts.get(one.unit ?? "") ?? 0) + 1);
  const unit = [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
  // Body and annex of a plan often say the same
  const seen = new Set<string>();
  const shown = figures.filter((one) => {
    const same = `${one.place}|${one.year}|${one.number}`;
    return (one.unit ?? "") === unit && !seen.has(same) && seen.add(same);
  });
  if (!shown.length) return undefined;
  const places = [...new Set(shown.map((one) => one.place))];
  const years = [...new Set(shown.map((one) => String(one.year ?? "")))].sort();
  const symbols = ["circle", "diamond", "rect", "triangle", "pin", "roundRect"];
  into.style.height = `${Math.min(Math.max(places.length, 3), 40) * 34 + 110}px`;
  return draw(into, (now) => ({
    tooltip: {
      ...tooltip(now),
      formatter: (point: { data: { said: Value } }) =>
        `${point.data.said.place} ${point.data.said.year ?? ""}\n${point.data.said.value}\n${point.data.said.kind}`,
    },
    legend: { textStyle: { color: now.ink }, top: 4 },
    grid: { left: 8, right: 72, top: 40, bottom: places.length > 40 ? 48 : 30, containLabel: true },
    xAxis: axis(now, { type: "value", name: unit, nameLocation: "middle", nameGap: 24, nameTextStyle: { color: now.soft }, scale: true, boundaryGap: ["6%", "6%"] }),
    yAxis: axis(now, { type: "category", data: places, inverse: true, splitLine: { show: true, lineStyle: { color: now.line } } }),
    dataZoom: places.length > 40 ? [{ type: "slider", yAxisIndex: 0, startValue: 0, endValue: 39 }] : [],
    series: years.map((year, at) => ({
      type: "scatter",
      name: year || t("no_year"),
      symbol: symbols[at % symbols.length],
      symbolSize: 14,
      itemStyle: { opacity: 1 },
      label: {
        show: shown.length <= 60,
        position: "right",
        color: now.ink,
        formatter: (point: { data: { said: Value } }) => point.data.said.value,
      },
      data: shown
        .filter((one) => String(one.year ?? "") === year)
        .map((one) => ({ value: [one.number, one.place], said: one })),
    })),
  }));
}
