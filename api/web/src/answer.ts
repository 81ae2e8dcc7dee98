/** An answer as the views need it: rows of terms, from SPARQL's JSON or from N-Triples. */

export interface Cell {
  type: string;
  value: string;
  datatype?: string;
  "xml:lang"?: string;
}

export interface Answer {
  names: string[];
  rows: (Cell | undefined)[][];
  truth?: boolean;
  /** Whether it is a graph: three columns, each row a triple. */
  graph: boolean;
}

const NUMBER = /#(integer|decimal|double|float|int|long|short|byte|nonNegativeInteger|gYear)$/;
const TERM = /(<[^>]*>|_:[^\s]+|"(?:[^"\\]|\\.)*"(?:@[A-Za-z0-9-]+|\^\^<[^>]*>)?)/g;

export function fromJson(text: string): Answer {
  const data = JSON.parse(text) as {
    head: { vars?: string[] };
    boolean?: boolean;
    results?: { bindings: Record<string, Cell>[] };
  };
  const names = data.head.vars ?? [];
  const rows = (data.results?.bindings ?? []).map((one) => names.map((name) => one[name]));
  return { names, rows, truth: data.boolean, graph: false };
}

/** N-Triples has one triple a line, and its terms have no form but these. */
export function fromTriples(text: string): Answer {
  const rows = text
    .split("\n")
    .map((line) => line.match(TERM))
    .filter((terms) => terms !== null && terms.length === 3)
    .map((terms) => terms!.map(term));
  return { names: ["subject", "predicate", "object"], rows, graph: true };
}

function term(text: string): Cell {
  if (text.startsWith("<")) return { type: "uri", value: plain(text.slice(1, -1)) };
  if (text.startsWith("_:")) return { type: "bnode", value: text.slice(2) };
  const end = text.lastIndexOf('"');
  const tail = text.slice(end + 1);
  const value = plain(text.slice(1, end));
  if (tail.startsWith("@")) return { type: "literal", value, "xml:lang": tail.slice(1) };
  return { type: "literal", value, datatype: tail.startsWith("^^") ? tail.slice(3, -1) : undefined };
}

const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" };

function plain(text: string): string {
  return text.replace(/\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)/g, (_, one: string) =>
    /^[uU]/.test(one) && one.length > 1 ? String.fromCodePoint(parseInt(one.slice(1), 16)) : (ESCAPES[one] ?? one),
  );
}

/** The number of a cell; NaN where it has none. Years count as numbers. */
export function number(cell: Cell | undefined): number {
  return cell?.type === "literal" && cell.datatype && NUMBER.test(cell.datatype) ? Number(cell.value) : NaN;
}

/** Columns that hold numbers in at least one row and nothing else. */
export function numeric(answer: Answer): number[] {
  return answer.names
    .map((_, at) => at)
    .filter((at) => {
      const cells = answer.rows.map((row) => row[at]).filter((cell) => cell !== undefined);
      return cells.length > 0 && cells.every((cell) => !Number.isNaN(number(cell)));
    });
}

/** Columns that hold IRIs. */
export function things(answer: Answer): number[] {
  return answer.names
    .map((_, at) => at)
    .filter((at) => {
      const cells = answer.rows.map((row) => row[at]).filter((cell) => cell !== undefined);
      return cells.length > 0 && cells.every((cell) => cell.type === "uri");
    });
}
