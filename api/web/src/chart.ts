/** Charts and networks in the colours of the page. One library (ECharts) for all of them, only the parts in use. */

import { BarChart, GraphChart, LineChart, ScatterChart } from "echarts/charts";
import { DataZoomComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import type { EChartsCoreOption } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

echarts.use([
  BarChart,
  GraphChart,
  LineChart,
  ScatterChart,
  DataZoomComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  CanvasRenderer,
]);

const LIGHT = ["#1f4e8c", "#a8201a", "#2f7d32", "#8a5a00", "#5a55a8", "#00707a", "#9c2f6f", "#5f6368"];
const DARK = ["#8fb8e8", "#f08b83", "#7cc47f", "#e2b357", "#aaa6f0", "#6cc7cf", "#e593c2", "#b7bbc2"];
const dark = matchMedia("(prefers-color-scheme: dark)");

export interface Look {
  ink: string;
  soft: string;
  line: string;
  sheet: string;
  colours: string[];
}

/** The colours of the page as it is now, light or dark. */
export function look(): Look {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return {
    ink: of("--ink"),
    soft: of("--soft"),
    line: of("--line"),
    sheet: of("--sheet"),
    colours: dark.matches ? DARK : LIGHT,
  };
}

/**
 * Draw into an element; drawn anew when the theme or the width changes. Nothing moves for those who want no motion.
 * Tooltips are drawn on the canvas: markup with styles of its own is not allowed on these pages.
 */
export function draw(into: HTMLElement, option: (look: Look) => EChartsCoreOption): Chart {
  const chart = echarts.init(into);
  const font = getComputedStyle(document.body).fontFamily;
  const show = () => {
    const now = look();
    chart.setOption(
      {
        animation: false,
        color: now.colours,
        backgroundColor: now.sheet,
        textStyle: { fontFamily: font, color: now.ink },
        ...option(now),
      },
      true,
    );
  };
  show();
  dark.addEventListener("change", show);
  const end = () => {
    dark.removeEventListener("change", show);
    watch.disconnect();
    chart.dispose();
  };
  // What was taken off the page has no size, and nothing to draw on.
  const watch = new ResizeObserver(() => (into.isConnected ? into.clientWidth && chart.resize() : end()));
  watch.observe(into);
  return {
    picture: () => chart.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: look().sheet }),
    end,
  };
}

export interface Chart {
  /** The chart as a PNG, a data: address. */
  picture(): string;
  end(): void;
}

/** How a tooltip looks, on the canvas. */
export function tooltip(now: Look): object {
  return {
    renderMode: "richText",
    confine: true,
    backgroundColor: now.sheet,
    borderColor: now.line,
    textStyle: { color: now.ink, fontSize: 13 },
  };
}

/** An axis in quiet colours. */
export function axis(now: Look, more: object): object {
  return {
    axisLine: { lineStyle: { color: now.line } },
    axisTick: { show: false },
    axisLabel: { color: now.ink },
    splitLine: { lineStyle: { color: now.line } },
    ...more,
  };
}
