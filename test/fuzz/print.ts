/** A random program as NumPy and as JavaScript source. */
import type { Expression, FuzzProgram, Index, Statement } from "./program.js";

const integer = (i: Index): string => (i.base === undefined ? `${i.plus}` : i.plus === 0 ? i.base : i.plus > 0 ? `${i.base} + ${i.plus}` : `${i.base} - ${-i.plus}`);

export function pythonSource(p: FuzzProgram): string {
  const value = (e: Expression, cut: number, start: number): string => {
    switch (e.kind) {
      case "constant": return `${e.value}`;
      case "scalar": return e.name;
      case "counter": return `(${e.variable} * 0.1)`;
      case "element": return `${e.array}[${e.at.map(integer).join(", ")}]`;
      case "slice": { const end = start + cut - e.start, range = `${e.start || ""}:${end > 0 ? -end : ""}`; return e.row ? `${e.array}[${integer(e.row)}, ${range}]` : `${e.array}[${range}]`; }
      case "call": {
        const x = value(e.arg, cut, start);
        return { sin: `np.sin(${x})`, tanh: `np.tanh(${x})`, sqrt1: `np.sqrt(1.0 + (${x}) ** 2)`, square: `(${x}) ** 2`, max0: `np.maximum(${x}, 0.0)` }[e.f];
      }
      case "binary": { const x = value(e.left, cut, start), y = value(e.right, cut, start); return e.op === "/1" ? `(${x} / (1.0 + (${y}) ** 2))` : `(${x} ${e.op} ${y})`; }
    }
  };
  const lines: string[] = ["import numpy as np", ""];
  const block = (body: readonly Statement[], indent: string): void => {
    for (const s of body) {
      switch (s.kind) {
        case "store": lines.push(`${indent}${s.array}[${s.at.map(integer).join(", ")}] ${s.op} ${value(s.value, 0, 0)}`); break;
        case "assign": lines.push(`${indent}${s.name} ${s.op} ${value(s.value, 0, 0)}`); break;
        case "slice": lines.push(`${indent}${s.array}[${s.row ? `${integer(s.row)}, ` : ""}${s.start || ""}:${s.cut > 0 ? -s.cut : ""}] ${s.op} ${value(s.value, s.cut, s.start)}`); break;
        case "view": lines.push(`${indent}part = ${s.array}[${s.start || ""}:${s.cut > 0 ? -s.cut : ""}]`, `${indent}part += ${value(s.value, s.cut, s.start)}`); break;
        case "for":
          lines.push(`${indent}for ${s.variable} in range(${s.step > 0 ? `${integer(s.from)}, ${integer(s.to)}${s.step === 1 ? "" : `, ${s.step}`}` : `${integer({ base: s.to.base, plus: s.to.plus - 1 })}, ${integer({ base: s.from.base, plus: s.from.plus - 1 })}, ${s.step}`}):`);
          block(s.body, `${indent}    `);
          break;
        case "if":
          lines.push(`${indent}if ${"even" in s.test ? `${s.test.even} % 2 == 0` : `${value(s.test.left, 0, 0)} > ${value(s.test.right, 0, 0)}`}:`);
          block(s.then, `${indent}    `);
          if (s.otherwise.length > 0) { lines.push(`${indent}else:`); block(s.otherwise, `${indent}    `); }
          break;
        case "while": {
          const on = `${s.variable} < ${s.limit}${s.test ? ` and ${value(s.test.left, 0, 0)} > ${value(s.test.right, 0, 0)}` : ""}`;
          lines.push(`${indent}${s.variable} = 0`, `${indent}while ${s.after ? "True" : on}:`, `${indent}    ${s.variable} += 1`);
          block(s.body, `${indent}    `);
          if (s.after) lines.push(`${indent}    if not (${on}):`, `${indent}        break`);
          break;
        }
        case "exit":
          lines.push(`${indent}if ${"even" in s.test ? `${s.test.even} % 2 == 0` : `${value(s.test.left, 0, 0)} > ${value(s.test.right, 0, 0)}`}:`);
          block(s.first, `${indent}    `);
          lines.push(`${indent}    ${s.how}${s.value ? ` ${value(s.value, 0, 0)}` : ""}`);
          break;
        case "help": lines.push(`${indent}helper(n, ${s.array}, ${s.other}, ${value(s.value, 0, 0)})`); break;
        case "swap": lines.push(`${indent}v, w = w, v`); break;
      }
    }
  };
  lines.push("def helper(n, x, y, c):");
  block(p.helper, "    ");
  lines.push("", "", "def f(n, v, w, a, s):");
  block(p.body, "    ");
  lines.push(`    return ${value(p.result, 0, 0)}`, "");
  return lines.join("\n");
}

export function javascriptSource(p: FuzzProgram): string {
  let temporaries = 0;
  const value = (e: Expression, k: string): string => {
    switch (e.kind) {
      case "constant": return `${e.value}`;
      case "scalar": return e.name;
      case "counter": return `(${e.variable} * 0.1)`;
      case "element": return `${e.array}[${e.at.length === 1 ? integer(e.at[0]!) : `(${integer(e.at[0]!)}) * n + ${integer(e.at[1]!)}`}]`;
      case "slice": return `${e.array}[${e.row ? `(${integer(e.row)}) * n + ` : ""}${e.start} + ${k}]`;
      case "call": {
        const x = value(e.arg, k);
        return { sin: `Math.sin(${x})`, tanh: `Math.tanh(${x})`, sqrt1: `Math.sqrt(1 + (${x}) ** 2)`, square: `(${x}) ** 2`, max0: `Math.max(${x}, 0)` }[e.f];
      }
      case "binary": { const x = value(e.left, k), y = value(e.right, k); return e.op === "/1" ? `(${x} / (1 + (${y}) ** 2))` : `(${x} ${e.op} ${y})`; }
    }
  };
  const lines: string[] = [];
  const block = (body: readonly Statement[], indent: string): void => {
    for (const s of body) {
      switch (s.kind) {
        case "store": lines.push(`${indent}${value({ kind: "element", array: s.array, at: s.at }, "")} ${s.op} ${value(s.value, "")};`); break;
        case "assign": lines.push(`${indent}${s.name} ${s.op} ${value(s.value, "")};`); break;
        case "slice": case "view": {
          const k = temporaries++, t = `t${k}`, length = `n - ${s.cut + s.start}`, op = s.kind === "view" ? "+=" : s.op;
          lines.push(`${indent}const ${t} = new Float64Array(${length});`, `${indent}for (let k = 0; k < ${length}; k++) ${t}[k] = ${value(s.value, "k")};`);
          if (s.kind === "view") lines.push(`${indent}const p${k} = ${s.array}.subarray(${s.start}, n - ${s.cut});`, `${indent}for (let k = 0; k < p${k}.length; k++) p${k}[k] ${op} ${t}[k];`);
          else lines.push(`${indent}for (let k = 0; k < ${length}; k++) ${s.array}[${s.row ? `(${integer(s.row)}) * n + ` : ""}${s.start} + k] ${op} ${t}[k];`);
          break;
        }
        case "for":
          lines.push(s.step > 0
            ? `${indent}for (let ${s.variable} = ${integer(s.from)}; ${s.variable} < ${integer(s.to)}; ${s.variable} += ${s.step}) {`
            : `${indent}for (let ${s.variable} = ${integer({ base: s.to.base, plus: s.to.plus - 1 })}; ${s.variable} >= ${integer(s.from)}; ${s.variable} -= ${-s.step}) {`);
          block(s.body, `${indent}  `);
          lines.push(`${indent}}`);
          break;
        case "if":
          lines.push(`${indent}if (${"even" in s.test ? `${s.test.even} % 2 === 0` : `${value(s.test.left, "")} > ${value(s.test.right, "")}`}) {`);
          block(s.then, `${indent}  `);
          if (s.otherwise.length > 0) { lines.push(`${indent}} else {`); block(s.otherwise, `${indent}  `); }
          lines.push(`${indent}}`);
          break;
        case "while": {
          const on = `${s.variable} < ${s.limit}${s.test ? ` && ${value(s.test.left, "")} > ${value(s.test.right, "")}` : ""}`;
          lines.push(`${indent}let ${s.variable} = 0;`, s.after ? `${indent}do {` : `${indent}while (${on}) {`, `${indent}  ${s.variable}++;`);
          block(s.body, `${indent}  `);
          lines.push(s.after ? `${indent}} while (${on});` : `${indent}}`);
          break;
        }
        case "exit":
          lines.push(`${indent}if (${"even" in s.test ? `${s.test.even} % 2 === 0` : `${value(s.test.left, "")} > ${value(s.test.right, "")}`}) {`);
          block(s.first, `${indent}  `);
          lines.push(`${indent}  ${s.how}${s.value ? ` ${value(s.value, "")}` : ""};`, `${indent}}`);
          break;
        case "help": lines.push(`${indent}helper(n, ${s.array}, ${s.other}, ${value(s.value, "")});`); break;
        case "swap": lines.push(`${indent}[v, w] = [w, v];`); break;
      }
    }
  };
  lines.push("function helper(n, x, y, c) {");
  block(p.helper, "  ");
  lines.push("}", "function f(n, v, w, a, s) {");
  block(p.body, "  ");
  lines.push(`  return ${value(p.result, "")};`, "}", "module.exports = { f };", "");
  return lines.join("\n");
}
