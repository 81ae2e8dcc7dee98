/** A draft is dropped or chosen, checked while one sees how far it is, and its report shown in the page.
 *
 * A job is known to the process that took it on, and to no other: where the next request comes to another one, the form
 * is sent as it is without script.
 */

import { lang, make, t } from "../words";

interface Job {
  id: string;
  state: "queued" | "running" | "done" | "failed" | "cut-off";
  steps?: { name: string }[];
  problem?: { detail: string };
}

const LOOK = 300; // milliseconds between two looks
const form = document.querySelector<HTMLFormElement>("form.drop");

if (form) {
  const file = form.elements.namedItem("file") as HTMLInputElement;
  document.getElementById("drop-hint")!.hidden = false;
  for (const kind of ["dragenter", "dragover"])
    form.addEventListener(kind, (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
  for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    const dropped = event.dataTransfer?.files;
    if (!dropped?.length) return;
    file.files = dropped;
    form.querySelector<HTMLButtonElement>("button")!.focus();
  });
  form.addEventListener("submit", (event) => {
    // Another form than the page is a file to be kept: the browser sends and stores it by itself.
    if ((form.elements.namedItem("format") as HTMLSelectElement).value !== "html") return;
    event.preventDefault();
    void check(form, file.files?.[0]);
  });
  const before = new URLSearchParams(location.hash.slice(1));
  if (before.get("job"))
    void showReport(before.get("job")!, before.get("name") ?? "").then(
      (shown) => (shown ? (document.getElementById("report")!.hidden = false) : history.replaceState(null, "", location.pathname + location.search)),
    );
}

/** Put the report of a job into its section; false where the job is not known any more. */
async function showReport(job: string, name: string): Promise<boolean> {
  const path = `/jobs/${encodeURIComponent(job)}`;
  const answer = await fetch(`${path}/report?format=json`);
  if (!answer.ok) return false;
  const told = (await answer.json()) as { summary: { open: Record<string, number> } };
  const report = document.getElementById("report")!;
  report.querySelector("h2")!.textContent = t("report_on", { name });
  report.querySelector(".counts")!.textContent = t("counted", told.summary.open);
  for (const link of report.querySelectorAll<HTMLAnchorElement>("a[data-format]")) {
    link.href = `${path}/report?format=${link.dataset.format}&lang=${lang()}`;
    if (link.dataset.format === "html") link.target = "_blank";
    else link.download = "";
  }
  // A new one each time: going back in the history must not lead through old reports.
  const old = report.querySelector("iframe")!;
  old.replaceWith(make("iframe", { sandbox: "allow-scripts", title: old.title, src: `${path}/report?format=html&lang=${lang()}` }));
  return true;
}

async function check(form: HTMLFormElement, file: File | undefined): Promise<void> {
  const button = form.querySelector<HTMLButtonElement>("button")!;
  const [progress, problem, report] = ["progress", "problem", "report"].map((id) => document.getElementById(id)!);
  const show = (one?: HTMLElement) => {
    for (const each of [progress!, problem!, report!]) each.hidden = each !== one;
  };
  const fail = (words: string) => {
    problem!.querySelector("p")!.textContent = words;
    show(problem);
  };
  const limit = Number(form.dataset.limit);
  if (file && file.size > limit << 20) return fail(t("too_large", { limit }));
  button.disabled = true;
  far("sending", 0);
  show(progress);
  try {
    const body = new FormData(form);
    body.delete("format");
    const taken = await fetch(`/drafts?wait=false&lang=${lang()}`, {
      method: "POST",
      body,
      headers: { Accept: "application/json" },
    });
    let job = (await taken.json()) as Job & { detail?: string };
    if (!taken.ok) return fail(job.detail ?? String(taken.status));
    const path = `/jobs/${encodeURIComponent(job.id)}`;
    while (job.state === "queued" || job.state === "running") {
      const step = job.steps?.at(-1)?.name ?? "queued";
      far(step, step === "checking" ? 2 : 1);
      await new Promise((wake) => setTimeout(wake, LOOK));
      const answer = await fetch(`${path}?lang=${lang()}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) return form.submit();
      job = (await answer.json()) as Job;
    }
    if (job.state !== "done") return fail(job.problem?.detail ?? job.state);
    far("done", 3);
    if (!(await showReport(job.id, file?.name ?? ""))) return form.submit();
    show(report);
    report!.focus();
    // While it is kept, the page comes back with it: after a switch of the language, or when it is loaded again.
    history.replaceState(null, "", `${location.pathname}${location.search}#${new URLSearchParams({ job: job.id, name: file?.name ?? "" })}`);
  } catch {
    fail(t("broken"));
  } finally {
    button.disabled = false;
  }

  function far(step: string, at: number): void {
    progress!.querySelector(".words")!.textContent = t(`step_${step}`);
    (progress!.querySelector("progress") as HTMLProgressElement).value = at;
  }
}
