/** Where each node stands: the chain of body lists from the program's body down to the node. */
import type { Loop, Node, While } from "../sdfg/nodes.js";

/** One level of a path: the node at `list[index]`. `key` identifies the list (its owner and, for conditionals, the branch). */
export interface Step { readonly key: string; readonly list: readonly Node[]; readonly index: number; readonly node: Node }
export type Path = readonly Step[];

/** The body lists of a node, each with a stable key. */
export function bodiesOf(node: Node): readonly { readonly key: string; readonly list: readonly Node[] }[] {
  switch (node.kind) {
    case "loop": case "while": case "block": return [{ key: `${node.id}`, list: node.body }];
    case "conditional": return node.branches.map((b, i) => ({ key: `${node.id}.${i}`, list: b.body }));
    default: return [];
  }
}

/** The same node with its body lists replaced, in the order of `bodiesOf`. */
export function withBodies(node: Node, bodies: readonly (readonly Node[])[]): Node {
  switch (node.kind) {
    case "loop": case "while": case "block": return { ...node, body: bodies[0]! };
    case "conditional": return { ...node, branches: node.branches.map((b, i) => ({ ...b, body: bodies[i]! })) };
    default: return node;
  }
}

export const ROOT = "root";

/** Calls `f` for every node, parents first, with its path (the last step is the node itself). */
export function visitPaths(body: readonly Node[], f: (node: Node, path: Path) => void): void {
  const walk = (key: string, list: readonly Node[], above: Path): void => {
    list.forEach((node, index) => {
      const path = [...above, { key, list, index, node }];
      f(node, path);
      for (const b of bodiesOf(node)) walk(b.key, b.list, path);
    });
  };
  walk(ROOT, body, []);
}

/** Paths of all nodes by id. */
export function pathsOf(body: readonly Node[]): Map<number, Path> {
  const m = new Map<number, Path>();
  visitPaths(body, (n, p) => m.set(n.id, p));
  return m;
}

/** The loops that enclose the node at the end of a path, outermost first, from step `from` on. */
export function loopsOf(path: Path, from = 0): Loop[] {
  const out: Loop[] = [];
  for (let i = from; i < path.length - 1; i++) { const n = path[i]!.node; if (n.kind === "loop") out.push(n); }
  return out;
}

/** What repeats its body. */
export type Around = Loop | While;
/** The symbol that names an iteration. */
export const nameOf = (l: Around): string => (l.kind === "loop" ? l.variable : l.counter);
/** As `loopsOf`, with the while loops. */
export function aroundOf(path: Path): Around[] {
  return path.slice(0, -1).flatMap(({ node: n }): Around[] => (n.kind === "loop" || n.kind === "while" ? [n] : []));
}

const exits = new WeakMap<Node, ReadonlySet<string>>();
/** Labels of the blocks around a node that exits inside it leave. */
export function exitsOf(node: Node): ReadonlySet<string> {
  let known = exits.get(node);
  if (!known) {
    const out = new Set<string>(node.kind === "exit" ? [node.label] : bodiesOf(node).flatMap((b) => b.list.flatMap((n) => [...exitsOf(n)])));
    if (node.kind === "block") out.delete(node.label);
    exits.set(node, known = out);
  }
  return known;
}
