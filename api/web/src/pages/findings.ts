/** Accepting a finding without leaving the page: what was typed stays until it is written. */

import { lang, make, t } from "../words";

for (const form of document.querySelectorAll<HTMLFormElement>("details.waive form")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form);
  });
}

async function send(form: HTMLFormElement): Promise<void> {
  const told = form.querySelector<HTMLElement>(".said-back")!;
  const button = form.querySelector<HTMLButtonElement>("button")!;
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") fields.append(name, value);
  button.disabled = true;
  told.className = "said-back";
  told.textContent = t("waive_sending");
  try {
    const answer = await fetch(`${form.action.split("?")[0]}?lang=${lang()}`, {
      method: "POST",
      body: fields,
      headers: { Accept: "application/json" },
    });
    const body = (await answer.json()) as { detail?: string };
    if (!answer.ok) {
      told.className = "said-back problem";
      told.textContent = body.detail ?? String(answer.status);
      return;
    }
    const done = make("p", { class: "done", role: "status", tabindex: "-1" }, t(answer.status === 202 ? "waive_taken" : "waive_done"));
    form.closest("details")?.replaceWith(done);
    done.focus();
  } catch {
    told.className = "said-back problem";
    told.textContent = t("waive_failed");
  } finally {
    button.disabled = false;
  }
}
