/** Names for IRIs, asked for in one go for what is in sight, and where the thing is shown. */

import type { Answer } from "./answer";
import { lang } from "./words";

const BASE = "https://w3id.org/zhengmai/";
const MOST = 400;

export class Labels {
  private readonly known = new Map<string, string>();

  /** Ask for what is not known yet. An IRI without a name keeps the end of itself. */
  async load(iris: Iterable<string>): Promise<void> {
    const wanted = [...new Set(iris)].filter((one) => !this.known.has(one));
    for (let at = 0; at < wanted.length; at += MOST) {
      const part = wanted.slice(at, at + MOST);
      const answer = await fetch(`/editor/labels?lang=${lang()}`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ iris: part }),
      });
      const found = answer.ok ? ((await answer.json()) as Record<string, string>) : {};
      for (const one of part) this.known.set(one, found[one] ?? short(one));
    }
  }

  of(iri: string): string {
    return this.known.get(iri) ?? short(iri);
  }
}

/** The IRIs of some rows. */
export function irisOf(rows: Answer["rows"]): string[] {
  return rows.flatMap((row) => row.filter((cell) => cell?.type === "uri").map((cell) => cell!.value));
}

function short(iri: string): string {
  if (iri.startsWith(`${BASE}id/`)) return iri.slice(BASE.length + 3);
  if (iri.startsWith(`${BASE}ns#`)) return `zm:${iri.slice(BASE.length + 3)}`;
  return iri.split(/[#/]/).filter(Boolean).at(-1) ?? iri;
}

/** Where a thing of ours is shown here; undefined for what is not ours. As `Page.thing` of the server. */
export function shownAt(iri: string): string | undefined {
  const query = new URLSearchParams(location.search).get("lang");
  const tail = query ? `?lang=${query}` : "";
  if (iri.startsWith(`${BASE}ns#`)) return `/ns${tail}#${iri.slice(BASE.length + 3)}`;
  const document = `${BASE}id/document/`;
  if (iri.startsWith(document)) {
    const [slug, ...parts] = iri.slice(document.length).split("/");
    const anchor = (parts[0] === "span" ? ["s", ...parts.slice(1)] : parts).join("-");
    return `/plans/${slug}${tail}${anchor ? `#${anchor}` : ""}`;
  }
  return iri.startsWith(`${BASE}id/`) ? `/${iri.slice(BASE.length)}${tail}` : undefined;
}
