/** On every page: switching the language keeps what is typed and where one is, which the address alone does not tell. */

const KEPT = "zhengmai-typed"; // in this tab alone, and only until the page in the other language has taken it up
type Typed = { path: string; fields: string[] };

/** The fields of all forms that hold something to be kept: no files, which cannot be, and no passwords. */
function fields(): (HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement)[] {
  return [...document.querySelectorAll<HTMLInputElement>("form :is(input, select, textarea)")].filter(
    (one) => one.name !== "" && !["hidden", "password", "file"].includes(one.type),
  );
}

try {
  const typed = JSON.parse(sessionStorage.getItem(KEPT) ?? "null") as Typed | null;
  sessionStorage.removeItem(KEPT);
  const all = fields();
  if (typed?.path === location.pathname && typed.fields.length === all.length)
    for (const [at, one] of all.entries()) {
      if (one.value === typed.fields[at]) continue;
      one.value = typed.fields[at]!;
      for (let box = one.closest("details"); box; box = box.parentElement!.closest("details")) box.open = true;
    }
} catch {
  // a browser that keeps nothing: the page is as it came
}

const other = document.querySelector<HTMLAnchorElement>('header a[rel="alternate"]');
other?.addEventListener("click", () => {
  const here = new URL(location.href); // a script may have changed it since the page came
  here.searchParams.set("lang", new URL(other.href).searchParams.get("lang")!);
  other.href = here.href;
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ path: here.pathname, fields: fields().map((one) => one.value) } satisfies Typed));
  } catch {
    // as above
  }
});
