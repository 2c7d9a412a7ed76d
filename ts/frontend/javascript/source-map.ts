/** Inline source maps (base64 in the last comment): from places in what runs to places in what was written. */
import { dirname, isAbsolute, resolve } from "node:path";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { SourceFile } from "../../base/errors.js";
import type { Remap } from "./source.js";

interface RawMap { readonly version: number; readonly sources?: readonly (string | null)[]; readonly sourcesContent?: readonly (string | null)[]; readonly sourceRoot?: string; readonly mappings: string }
interface Segment { readonly column: number; readonly source: number; readonly line: number; readonly sourceColumn: number }

const MARK = "sourceMappingURL=data:application/json";

/** The map of a text, if it carries one. `name`: the file that the text runs as. */
export function inlineSourceMap(text: string, name: string): Remap | undefined {
  const at = text.lastIndexOf(MARK);
  if (at < 0) return undefined;
  const data = /^;(?:charset=[^;,]+;)?base64,([A-Za-z0-9+/=]+)\s*(?:\*\/)?\s*$/m.exec(text.slice(at + MARK.length).split("\n")[0]!);
  if (!data) return undefined;
  let map: RawMap;
  try { map = JSON.parse(Buffer.from(data[1]!, "base64").toString("utf8")) as RawMap; } catch { return undefined; }
  if (map.version !== 3 || typeof map.mappings !== "string") return undefined;
  const lines = decode(map.mappings), texts = text.split("\n"), files = new Map<number, SourceFile | undefined>();
  const file = (i: number): SourceFile | undefined => {
    if (!files.has(i)) files.set(i, sourceOf(map, i, name));
    return files.get(i);
  };
  return (line, column) => {
    // Columns of the protocol are UTF-16 units from 0.
    const unit = [...(texts[line - 1] ?? "")].slice(0, column - 1).join("").length;
    let found: Segment | undefined;
    for (const s of lines[line - 1] ?? []) { if (s.column > unit) break; found = s; }
    const source = found && file(found.source);
    if (!found || !source) return undefined;
    const before = (source.text.split("\n")[found.line] ?? "").slice(0, found.sourceColumn);
    return { file: source, line: found.line + 1, column: [...before].length + 1 };
  };
}

function sourceOf(map: RawMap, i: number, name: string): SourceFile | undefined {
  const source = map.sources?.[i];
  if (source === null || source === undefined) return undefined;
  let path = `${map.sourceRoot ? `${map.sourceRoot.replace(/\/$/, "")}/` : ""}${source}`;
  if (path.startsWith("file:")) path = fileURLToPath(path);
  if (!isAbsolute(path) && isAbsolute(name)) path = resolve(dirname(name), path);
  const content = map.sourcesContent?.[i];
  if (typeof content === "string") return { name: path, text: content };
  try { return { name: path, text: readFileSync(path, "utf8") }; } catch { return undefined; }
}

const DIGITS = new Map([..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].map((c, i) => [c, i]));

function decode(mappings: string): Segment[][] {
  let source = 0, line = 0, sourceColumn = 0;
  return mappings.split(";").map((text) => {
    let column = 0;
    const out: Segment[] = [];
    for (const part of text.split(",")) {
      if (part === "") continue;
      const v = numbers(part);
      column += v[0] ?? 0;
      if (v.length < 4) continue;
      source += v[1]!; line += v[2]!; sourceColumn += v[3]!;
      out.push({ column, source, line, sourceColumn });
    }
    return out;
  });
}
function numbers(text: string): number[] {
  const out: number[] = [];
  let value = 0, shift = 0;
  for (const c of text) {
    const d = DIGITS.get(c) ?? 0;
    value += (d & 31) * 2 ** shift;
    if (d & 32) { shift += 5; continue; }
    const magnitude = Math.floor(value / 2);
    out.push(value % 2 === 1 ? -magnitude : magnitude);
    value = 0;
    shift = 0;
  }
  return out;
}
