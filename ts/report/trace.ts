/** One small program through every stage, as the text of docs/architecture.md. */
import { grad } from "../api/verbs.js";
import { python } from "../api/program.js";
import { programText } from "../frontend/array/text.js";
import { parsePython } from "../frontend/python/index.js";

export const TRACED = `def loss(u, w, dt, steps):
    for t in range(steps):
        u[1:-1] = u[1:-1] + dt * u[1:-1] * (u[2:] - u[:-2])
    s = 0.0
    for i in range(u.shape[0]):
        s += w[i] * u[i]
    return s
`;

/** The first lines of the generated entry and everything after: declarations of libraries and helpers are left out. */
function entryOf(source: string): string { return source.slice(source.indexOf("extern \"C\" i32 dace_run")); }

/** Markdown with one fenced block per stage. */
export function traceText(): string {
  const file = { name: "model.py", text: TRACED }, block = (language: string, text: string): string => `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
  const sensitivity = grad(python({ source: TRACED, name: "model.py" }, { function: "loss" }), { wrt: "u", device: "js", cache: false });
  const { stages, plan } = (sensitivity as unknown as { lower: (...args: unknown[]) => { stages: Readonly<Record<string, string>>; plan: { buffers: readonly { name: string; storage: string; shape: readonly string[]; role?: string }[]; symbols: readonly string[]; cpp: { sources: readonly string[] } } } })
    .lower(new Float64Array(6), new Float64Array(6), 0.1, 10);
  const head: Readonly<Record<string, string>> = {
    simplified: "**Graph, simplified.** Slices have become indices; the right side reads what the left side overwrites, so it goes through a temporary.",
    joint: "**Joint graph.** The backward sweep follows the forward one and reads values of the forward sweep as `saved`.",
    planned: "**Planned graph.** `u` is overwritten in every step: its slice is taped, one row per step. What is still there is read where it is.",
    optimised: "**Optimised.** The three scatters into the gradient have become one gather, sums have been fused, temporaries are gone where the order allows it.",
    scheduled: "**Scheduled.** Which loops are shared among threads, where parallel regions begin.",
  };
  return [
    "The source:", block("python", TRACED),
    "**Array program.** Names are resolved, every node has a position (not printed).", block("text", programText(parsePython(file, "loss"))),
    ...Object.entries(stages).flatMap(([stage, text]) => [head[stage] ?? `**${stage}.**`, block("text", text)]),
    "**Plan.** Plain data; its buffers and symbols (`@n` are arena offsets, computed per call):",
    block("text", [...plan.buffers.map((b) => `${b.storage} ${b.name}[${b.shape.join(", ")}]${b.role ? ` (${b.role})` : ""}`), `symbols: ${plan.symbols.join(", ")}`].join("\n")),
    "**C++**, without the preamble. The JavaScript printer makes the same tree.", block("cpp", entryOf(plan.cpp.sources[0]!)),
  ].join("\n\n");
}

const BEGIN = "<!-- trace: made by npm run docs -->", END = "<!-- end of trace -->";
/** The document with the traced program replaced. */
export function withTrace(document: string): string {
  const from = document.indexOf(BEGIN), to = document.indexOf(END);
  if (from < 0 || to < from) throw new Error("docs/architecture.md has lost its markers");
  return `${document.slice(0, from)}${BEGIN}\n\n${traceText()}\n\n${document.slice(to)}`;
}
