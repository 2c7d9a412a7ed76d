/** A run's memory as one HTML page: what was decided per array and source line, the timeline of live bytes, the buffers, and the graph. No scripts, no links. */
import type { CheckpointReport } from "../compile/memory.js";

export interface PageInput {
  readonly title: string;
  readonly checkpoint: CheckpointReport;
  readonly buffers: readonly { readonly name: string; readonly bytes: number; readonly role?: string; readonly storage: string }[];
  /** Text form of the graph. */
  readonly graph: string;
}

const escape = (s: string): string => s.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;" })[c]!);
/** Bytes for people, exact below 10 KiB. */
export function bytesText(n: number): string {
  if (n === Infinity) return "known only to the run";
  if (n < 10240) return `${n} B`;
  const k = Math.min(4, Math.floor(Math.log2(n) / 10));
  return `${(n / 2 ** (10 * k)).toFixed(1)} ${["", "KiB", "MiB", "GiB", "TiB"][k]!}`;
}
/** Seconds for people. */
export function secondsText(s: number): string { return s === 0 ? "0 s" : s < 1e-3 ? `${(1e6 * s).toPrecision(3)} µs` : s < 1 ? `${(1e3 * s).toPrecision(3)} ms` : `${s.toPrecision(3)} s`; }
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<table><tr>${head.map((h) => `<th>${escape(h)}</th>`).join("")}</tr>${rows.map((r) => `<tr>${r.map((c) => `<td>${escape(c)}</td>`).join("")}</tr>`).join("")}</table>`;

/** Live bytes over events, as steps; the limit as a line. */
function timeline({ timeline: events, limit }: CheckpointReport): string {
  const w = 900, h = 220, top = Math.max(1, limit !== undefined && limit < 4 * Math.max(...events.map((e) => e.bytes)) ? limit : 0, ...events.map((e) => e.bytes)) * 1.05, dx = w / Math.max(1, events.length);
  const y = (b: number): number => Math.round((h - h * b / top) * 10) / 10, bars = events.map((e, i) => `<rect x="${(i * dx).toFixed(1)}" y="${y(e.bytes)}" width="${Math.max(0.5, dx - 0.5).toFixed(1)}" height="${(h - y(e.bytes)).toFixed(1)}" class="${e.event.split(" ")[0]!}"><title>${escape(`${e.event}: ${bytesText(e.bytes)}`)}</title></rect>`).join("");
  const line = limit !== undefined && limit <= top ? `<line x1="0" x2="${w}" y1="${y(limit)}" y2="${y(limit)}" class="limit"><title>limit ${bytesText(limit)}</title></line>` : "";
  return `<svg viewBox="0 0 ${w} ${h}" role="img" aria-label="live bytes by event">${bars}${line}</svg>`;
}

export function memoryPage({ title, checkpoint: c, buffers, graph }: PageInput): string {
  const facts: (readonly [string, string])[] = [
    ...(c.limit === undefined ? [] : [["limit", bytesText(c.limit)] as const]), ["planned peak", bytesText(c.planned)], ...(c.measured === undefined ? [] : [["measured peak", bytesText(c.measured)] as const]), ["storing everything", bytesText(c.storeAll)],
    ["computing everything again", bytesText(c.recomputeAll)], ...(c.smallest === undefined ? [] : [[c.smallestProven ? "smallest limit" : "smallest limit found", bytesText(c.smallest)] as const]),
    ["estimated extra time", `${secondsText(c.cost)}, ${(100 * c.relativeCost).toFixed(1)} % of the run that stores everything`], ["solver", `${c.solver.rung}, ${c.solver.status}${c.solver.gap > 0 ? `, gap ${(100 * c.solver.gap).toFixed(1)} %` : ""}, ${c.solver.ms.toFixed(0)} ms`],
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title><style>
body { font: 14px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em; color: #222 } h1 { font-size: 1.3em } h2 { font-size: 1.1em; margin-top: 2em }
table { border-collapse: collapse } th, td { text-align: left; padding: .15em 1em .15em 0; border-bottom: 1px solid #ddd; vertical-align: top } pre { overflow: auto; background: #f6f6f6; padding: 1em; font-size: 12px }
svg { width: 100%; background: #fafafa; border: 1px solid #ddd } rect.forward { fill: #4a7fb5 } rect.backward { fill: #c4713b } rect.again { fill: #6a9e55 } line.limit { stroke: #b00; stroke-dasharray: 6 4 }
</style></head><body><h1>${escape(title)}</h1>
${table(["", ""], facts)}
<h2>Live bytes</h2><p>Events in order: forward (blue), backward (orange), computed again (green). The planner's model of the graph; the planned peak is that of the compiled program.</p>
${timeline(c)}
<h2>Arrays that the backward pass reads</h2>
${table(["array", "where", "bytes", "decision"], c.arrays.map((a) => [a.name, a.source ?? "", bytesText(a.bytes), a.decision]))}
<h2>Loops</h2>
${table(["where", "steps", "schedule", "snapshots", "steps run again", "copies of the state"], c.loops.map((l) => [l.source ?? "", String(l.steps), l.schedule, String(l.snapshots), String(l.extraSteps), String(l.copies)]))}
<h2>Buffers of the compiled program</h2>
${table(["buffer", "kind", "bytes"], [...buffers].sort((a, b) => b.bytes - a.bytes).map((b) => [b.name, b.role ?? b.storage, bytesText(b.bytes)]))}
<h2>Graph</h2><pre>${escape(graph)}</pre>
</body></html>
`;
}
