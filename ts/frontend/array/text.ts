/** The stable, indented text form of an array program: close to Python, fully parenthesised, one statement a line. */
import type { ArrayProgram, Expr, FunctionDef, GlobalValue, IndexItem, Stmt, Target } from "./ast.js";

/** The whole program: the entry function, then the globals by name. Ends with a line break. */
export function programText(program: ArrayProgram): string {
  const out: string[] = [`program ${program.entry.name} (${program.language})`];
  functionText(program.entry, 0, out);
  for (const [name, value] of [...program.globals].sort(([a], [b]) => (a < b ? -1 : 1))) globalText(name, value, out);
  return `${out.join("\n")}\n`;
}

function globalText(name: string, g: GlobalValue, out: string[]): void {
  if (g.kind === "function") { out.push(`global ${name}`); functionText(g.def, 0, out); }
  else if (g.kind === "class") {
    const { def } = g;
    out.push(`global ${name} = ${def.tuple ? "named tuple" : def.fixed ? "fixed class" : "class"} ${def.name}${def.base ? `(${exprText(def.base)})` : ""}${def.fields.length > 0 ? ` fields ${def.fields.join(", ")}` : ""}`);
    for (const [k, v] of def.constants) out.push(`  ${k} = ${exprText(v)}`);
    for (const m of def.methods.values()) { if (m.kind !== "method") out.push(`  ${m.kind}`); functionText(m.def, 1, out); }
  } else if (g.kind === "expression") out.push(`global ${name} = ${exprText(g.value)}`);
  else out.push(`global ${name} = captured ${captured(g.value)}`);
}
function captured(v: unknown): string {
  if (ArrayBuffer.isView(v)) return `${v.constructor.name}(${(v as Float64Array).length})`;
  if (Array.isArray(v)) return `[${v.map(captured).join(", ")}]`;
  if (typeof v === "string") return JSON.stringify(v);
  if (typeof v === "bigint") return `${v}n`;
  if (v && typeof v === "object") return `{${Object.entries(v).map(([k, x]) => `${k}: ${captured(x)}`).join(", ")}}`;
  return Object.is(v, -0) ? "-0" : String(v);
}

function functionText(def: FunctionDef, depth: number, out: string[]): void {
  const pad = "  ".repeat(depth);
  const star = def.params.some((p) => p.rest) ? -1 : def.params.findIndex((p) => p.keywordOnly);
  const params = def.params.flatMap((p, i) => [...(i === star ? ["*"] : []), p.default ? `${p.name}=${exprText(p.default)}` : p.rest ? `*${p.name}` : p.name]);
  const inner = [...def.locals].filter((n) => !def.params.some((p) => p.name === n)).sort();
  out.push(`${pad}def ${def.name}(${params.join(", ")})${inner.length > 0 ? ` locals ${inner.join(", ")}` : ""}`);
  for (const s of def.body) stmtText(s, depth + 1, out);
}

/** One statement and what is beneath it, as lines. */
export function stmtText(s: Stmt, depth: number, out: string[]): void {
  const line = (t: string): void => { out.push("  ".repeat(depth) + t); };
  const body = (list: readonly Stmt[]): void => { for (const x of list) stmtText(x, depth + 1, out); };
  switch (s.kind) {
    case "assign": line(`${s.declare ? `${s.declare} ` : ""}${s.targets.map((t) => `${targetText(t)} = `).join("")}${exprText(s.value)}`); break;
    case "augmented": line(`${targetText(s.target)} ${s.op}= ${exprText(s.value)}`); break;
    case "expression": line(exprText(s.value)); break;
    case "if": line(`if ${exprText(s.test)}`); body(s.then); if (s.otherwise.length > 0) { line("else"); body(s.otherwise); } break;
    case "for": line(`${s.label}: for ${targetText(s.target)} in ${exprText(s.iterable)}`); body(s.body); if (s.otherwise) { line("else"); body(s.otherwise); } break;
    case "count": line(`${s.label}: count ${s.variable} from ${exprText(s.start)} to ${exprText(s.stop)} step ${s.step}${s.exitValue ? " keeping it" : ""}`); body(s.body); break;
    case "while":
      line(`${s.label}: ${s.testAfter ? "do while" : "while"} ${exprText(s.test)}`); body(s.body);
      if (s.update.length > 0) { line("update"); body(s.update); }
      if (s.otherwise) { line("else"); body(s.otherwise); }
      break;
    case "block": line(`${s.label}: block`); body(s.body); break;
    case "break": case "continue": line(`${s.kind} ${s.label}`); break;
    case "return": line(s.value ? `return ${exprText(s.value)}` : "return"); break;
    case "function": functionText(s.def, depth, out); break;
    case "raise": line(`raise ${JSON.stringify(s.message)}`); break;
    case "assert": line(`assert ${exprText(s.test)}, ${JSON.stringify(s.message)}`); break;
    case "pass": line("pass"); break;
  }
}

export function targetText(t: Target): string {
  switch (t.kind) {
    case "name": return t.name;
    case "index": return `${exprText(t.object)}[${t.items.map(itemText).join(", ")}]`;
    case "attribute": return `${exprText(t.object)}.${t.name}`;
    case "tuple": {
      const parts = t.elements.map((e, i) => {
        const d = t.defaults?.[i];
        return `${t.keys ? `${t.keys[i] ?? ""}: ` : ""}${t.rest && i === t.elements.length - 1 ? "*" : ""}${e ? targetText(e) : ""}${d ? ` = ${exprText(d)}` : ""}`;
      });
      return t.keys ? `{${parts.join(", ")}}` : `(${parts.join(", ")}${parts.length === 1 ? "," : ""})`;
    }
  }
}

function itemText(i: IndexItem): string {
  switch (i.kind) {
    case "expr": return exprText(i.value);
    case "newaxis": return "newaxis";
    case "ellipsis": return "...";
    case "slice": return `${i.start ? exprText(i.start) : ""}:${i.stop ? exprText(i.stop) : ""}${i.step ? `:${exprText(i.step)}` : ""}`;
  }
}

/** An expression in one line. Library names are written with a leading `@`, floats with a point or an exponent. */
export function exprText(e: Expr): string {
  switch (e.kind) {
    case "number": { const t = Object.is(e.value, -0) ? "-0" : String(e.value); return e.integer || /[.en]/i.test(t) ? t : `${t}.0`; }
    case "bigint": return `${e.value}n`;
    case "imaginary": return `${e.value}j`;
    case "boolean": return e.value ? "true" : "false";
    case "string": return JSON.stringify(e.value);
    case "none": return e.isNull ? "null" : "none";
    case "name": return e.name;
    case "binary": return `(${exprText(e.left)} ${e.op} ${exprText(e.right)})`;
    case "unary": return `(${e.op === "not" ? "not " : e.op}${exprText(e.operand)})`;
    case "compare": return `(${exprText(e.left)} ${e.strict ? "strictly " : ""}${e.op} ${exprText(e.right)})`;
    case "logical": return `(${exprText(e.left)} ${e.op} ${exprText(e.right)})`;
    case "conditional": return `(${exprText(e.then)} if ${exprText(e.test)} else ${exprText(e.otherwise)})`;
    case "attribute": return `${exprText(e.object)}.${e.name}`;
    case "index": return `${exprText(e.object)}[${e.items.map(itemText).join(", ")}]`;
    case "call": return `${exprText(e.callee)}(${[...e.args.map((a) => `${a.spread ? "*" : ""}${exprText(a.value)}`), ...e.keywords.map((k) => `${k.name}=${exprText(k.value)}`)].join(", ")})`;
    case "tuple": return `(${e.elements.map(exprText).join(", ")}${e.elements.length === 1 ? "," : ""})`;
    case "list": return `[${e.elements.map(exprText).join(", ")}]`;
    case "object": return `{${e.entries.map((x) => `${x.key}: ${exprText(x.value)}`).join(", ")}}`;
    case "comprehension": return `${e.flat ? "flat" : ""}[${exprText(e.element)} for ${targetText(e.target)} in ${exprText(e.iterable)}${e.condition ? ` if ${exprText(e.condition)}` : ""}]`;
    case "function": { const out: string[] = []; functionText(e.def, 0, out); return `(${out.map((l) => l.trim()).join("; ")})`; }
    case "library": return `@${e.name}`;
  }
}
