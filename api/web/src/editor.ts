/**
 * The SPARQL editor: CodeMirror with the terms of this ontology.
 *
 * It stands in a shadow root, where its styles are style sheets of their own: the pages allow no styles in the markup.
 */

import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  startCompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { HighlightStyle, bracketMatching, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { sparql } from "codemirror-lang-sparql";
import { lang, t } from "./words";

interface Term {
  name: string;
  iri: string;
  kind: "class" | "property";
  label: string;
  other: string;
  definition: string;
}

interface Terms {
  prefixes: Record<string, string>;
  terms: Term[];
}

const KEYWORDS =
  "SELECT DISTINCT WHERE OPTIONAL FILTER UNION MINUS BIND VALUES GRAPH ORDER BY GROUP BY HAVING LIMIT OFFSET ASK CONSTRUCT DESCRIBE PREFIX COUNT SUM AVG MIN MAX SAMPLE GROUP_CONCAT EXISTS NOT EXISTS IF COALESCE BOUND STR LANG REGEX CONTAINS STRSTARTS LCASE YEAR DESC ASC AS UNDEF"
    .split(" ")
    .filter((one, at, all) => all.indexOf(one) === at);

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--link)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.number, tags.bool], color: "var(--warning)" },
  { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
  { tag: [tags.variableName, tags.definition(tags.variableName)], color: "var(--violation)" },
  { tag: [tags.namespace, tags.propertyName, tags.typeName, tags.url], color: "var(--info)" },
]);

const dress = EditorView.theme({
  "&": { border: "1px solid var(--line)", borderRadius: ".35rem", backgroundColor: "var(--paper)", color: "var(--ink)" },
  "&.cm-focused": { outline: "3px solid var(--link)", outlineOffset: "2px" },
  ".cm-scroller": {
    fontFamily: 'ui-monospace, "Cascadia Mono", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace',
    fontSize: ".9rem",
    lineHeight: "1.5",
    minHeight: "16rem",
    maxHeight: "60vh",
    overflow: "auto",
  },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--quote)", color: "var(--soft)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--quote) 60%, transparent)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--link) 28%, transparent) !important",
  },
  ".cm-matchingBracket": { backgroundColor: "var(--info-back) !important" },
  ".cm-tooltip": { backgroundColor: "var(--sheet)", color: "var(--ink)", border: "1px solid var(--line)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--link)", color: "var(--paper)" },
  ".cm-completionDetail": { color: "inherit", fontStyle: "normal", opacity: ".85" },
  ".cm-completionInfo": { maxWidth: "24rem" },
});

/** What completes a query, from the service; asked for once, when the editor is first used. */
class Names {
  private terms: Promise<Terms> | undefined;

  all(): Promise<Terms> {
    this.terms ??= fetch(`/editor/terms?lang=${lang()}`, { headers: { Accept: "application/json" } }).then(
      (answer) => answer.json() as Promise<Terms>,
    );
    return this.terms;
  }

  async find(text: string): Promise<{ iri: string; label: string }[]> {
    const answer = await fetch(`/editor/labels?q=${encodeURIComponent(text)}`, { headers: { Accept: "application/json" } });
    return answer.ok ? ((await answer.json()) as { iri: string; label: string }[]) : [];
  }
}

/** Puts a text in, and the line for its prefix at the head where it is missing. */
function insert(text: string, prefixes: Record<string, string>) {
  return (view: EditorView, _: Completion, from: number, to: number) => {
    const prefix = /^([a-z][a-z0-9]*):/.exec(text)?.[1];
    const iri = prefix === undefined ? undefined : prefixes[prefix];
    const missing = iri && !new RegExp(`PREFIX\\s+${prefix}:`, "i").test(view.state.doc.toString());
    const line = missing ? `PREFIX ${prefix}: <${iri}>\n` : "";
    view.dispatch({
      changes: [
        { from: 0, insert: line },
        { from, to, insert: text },
      ],
      selection: { anchor: from + line.length + text.length },
      userEvent: "input.complete",
    });
  };
}

function completer(names: Names) {
  return async (context: CompletionContext): Promise<CompletionResult | null> => {
    const variable = context.matchBefore(/[?$]\w*/);
    if (variable) {
      const known = new Set(context.state.doc.toString().match(/[?$]\w+/g) ?? []);
      known.delete(variable.text);
      return { from: variable.from, options: [...known].map((one) => ({ label: one, type: "variable" })) };
    }
    const word = context.matchBefore(/[\p{L}\p{N}_:-]+/u);
    if (!word && !context.explicit) return null;
    const before = context.state.sliceDoc(0, word?.from ?? context.pos);
    if (/<[^<>\s]*$/.test(before) || /(^|\n)[^\n]*#[^\n<>]*$/.test(before)) return null;
    const { prefixes, terms } = await names.all();
    const text = (word?.text ?? "").toLowerCase();
    const said = text.includes(":") ? text.slice(text.indexOf(":") + 1) : text;
    const options: Completion[] = terms
      .filter((one) => {
        const name = one.name.toLowerCase();
        if (text.includes(":")) return name.startsWith(text) || (name.startsWith(text.slice(0, text.indexOf(":") + 1)) && one.label.includes(said));
        return name.split(":")[1]!.includes(said) || one.label.toLowerCase().includes(said) || one.other.toLowerCase().includes(said);
      })
      .map((one) => ({
        label: one.name,
        detail: one.label,
        info: one.definition || undefined,
        type: one.kind,
        boost: one.label === text || one.name.toLowerCase().split(":")[1] === said ? 20 : one.name.startsWith("zm:") ? 2 : 0,
        apply: insert(one.name, prefixes),
      }));
    if (!text.includes(":")) {
      for (const one of Object.keys(prefixes).filter((one) => text && one.startsWith(text)))
        options.push({ label: `${one}:`, detail: prefixes[one], type: "namespace", apply: insert(`${one}:`, prefixes), boost: -5 });
      for (const one of KEYWORDS.filter((one) => text && one.toLowerCase().startsWith(text)))
        options.push({ label: one, type: "keyword", boost: 5 });
      if (/\p{Script=Han}/u.test(text))
        for (const one of await names.find(text))
          options.push({ label: one.label, detail: one.iri.replace(/^https:\/\/w3id\.org\/zhengmai\//, ""), type: "constant", apply: insert(`<${one.iri}>`, prefixes), boost: -1 });
    }
    options.sort((a, b) => (b.boost ?? 0) - (a.boost ?? 0) || a.label.length - b.label.length);
    return { from: word?.from ?? context.pos, options, filter: false };
  };
}

/**
 * Typing over a selection. Left to itself the browser would carry the look of what was selected into the new text, as a
 * style in the markup, and the policy of the pages would tell of it in the log.
 */
const typeOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { from, to, empty } = view.state.selection.main;
    const text = event.data;
    if (event.inputType !== "insertText" || !text || event.isComposing || empty) return false;
    event.preventDefault();
    const put = () => view.state.update(view.state.replaceSelection(text), { userEvent: "input.type", scrollIntoView: true });
    if (!view.state.facet(EditorView.inputHandler).some((one) => one(view, from, to, text, put))) view.dispatch(put());
    return true;
  },
});

export class Editor {
  private readonly view: EditorView;

  /** In place of a text area; ``run`` is called on Ctrl+Enter. */
  constructor(into: HTMLElement, text: string, run: () => void, changed: (text: string) => void) {
    const root = into.attachShadow({ mode: "open" });
    const names = new Names();
    this.view = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          highlightActiveLine(),
          lintGutter(),
          sparql(),
          typeOver,
          autocompletion({ override: [completer(names)], maxRenderedOptions: 60, icons: false }),
          syntaxHighlighting(colours),
          dress,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": t("editor"), "aria-multiline": "true" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed(update.state.doc.toString());
          }),
          keymap.of([
            { key: "Mod-Enter", run: () => (run(), true) },
            { key: "Alt-/", run: startCompletion },
            ...closeBracketsKeymap,
            ...completionKeymap,
            ...historyKeymap,
            ...defaultKeymap.filter((one) => one.key !== "Mod-Enter"),
          ]),
        ],
      }),
    });
  }

  get text(): string {
    return this.view.state.doc.toString();
  }

  set text(text: string) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
    this.fault();
  }

  focus(): void {
    this.view.focus();
  }

  /** Marks where a query is wrong; without a place, nothing. */
  fault(message = "", line?: number, column?: number): void {
    const lines = this.view.state.doc.lines;
    if (line === undefined || line < 1 || line > lines) {
      this.view.dispatch(setDiagnostics(this.view.state, []));
      return;
    }
    const at = this.view.state.doc.line(line);
    const from = Math.min(at.from + Math.max((column ?? 1) - 1, 0), at.to);
    const to = Math.min(Math.max(from + 1, from), this.view.state.doc.length);
    this.view.dispatch(setDiagnostics(this.view.state, [{ from, to, severity: "error", message }]));
    this.view.dispatch({ selection: { anchor: from }, scrollIntoView: true });
  }
}
