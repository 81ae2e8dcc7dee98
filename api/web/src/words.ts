/** The words that a page gives its script, by key; filled in where they hold {…}. */

let said: Record<string, string> | undefined;

export function t(key: string, values: Record<string, string | number> = {}): string {
  said ??= JSON.parse(document.getElementById("words")?.textContent ?? "{}") as Record<string, string>;
  return (said[key] ?? key).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** What stands in the address about the language: links and requests carry it on. */
export function lang(): "zh" | "en" {
  return document.documentElement.lang.startsWith("en") ? "en" : "zh";
}

/** An element with attributes and children; text is never read as markup. */
export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string | undefined> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const one = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) one.setAttribute(key, value);
  one.append(...children);
  return one;
}
