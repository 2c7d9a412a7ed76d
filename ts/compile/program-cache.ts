/**
 * Plans on disk, so that a warm start parses nothing. An entry is its own SHA-256, a line break, and JSON; anything that does not match is as good as absent.
 * A failed write is never fatal. Directory: per user, mode 0700, owner checked; least recently used entries go when it grows too large.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync, type Stats } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { PLAN_VERSION } from "../lower/plan.js";
import { packageRoot } from "../runtime/addon.js";

/** Directory of kernels and plans unless an option or DACE_AD_CACHE_DIR names another. */
export function defaultCacheDir(): string {
  const { DACE_AD_CACHE_DIR: own, XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = process.env;
  if (own) return own;
  if (process.platform === "win32" && local) return join(local, "dace-ad-native", "Cache");
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "dace-ad-native");
  return join(xdg && xdg.startsWith("/") ? xdg : join(homedir(), ".cache"), "dace-ad-native");
}

/** Bytes of plans that are kept. */
const LIMIT = 64 * 2 ** 20;

let build: string | undefined;
/** What made the plans: the package's version, and in a checkout also the state of its own code, which changes without a version. */
export function buildId(): string {
  if (build !== undefined) return build;
  const root = packageRoot(), hash = createHash("sha256").update(`plan ${PLAN_VERSION}\0node ${process.versions.node.split(".")[0]}\0`);
  try {
    hash.update(readFileSync(join(root, "package.json")));
    if (statSync(join(root, ".git"), { throwIfNoEntry: false })) {
      // The compiler's notes change whenever it writes to dist; looking at every file takes milliseconds.
      const code = join(__dirname, ".."), notes = code === join(root, "dist") ? statSync(join(root, ".build", "main.tsbuildinfo"), { throwIfNoEntry: false }) : undefined;
      if (notes) hash.update(`${notes.size} ${notes.mtimeMs}`); else stamp(code, hash);
    }
  } catch { hash.update(String(process.pid)); }
  return (build = hash.digest("hex"));
}
function stamp(dir: string, hash: ReturnType<typeof createHash>): void {
  for (const e of readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(dir, e.name);
    if (e.isDirectory()) stamp(path, hash);
    else if (/\.(js|ts)$/.test(e.name) && !e.name.endsWith(".d.ts")) { const s = statSync(path); hash.update(`${e.name} ${s.size} ${s.mtimeMs}\0`); }
  }
}

export class ProgramCache {
  readonly dir: string;
  #usable: boolean | undefined;
  /** "off": nothing is read or written; "readonly": nothing is written. */
  constructor(readonly mode: "on" | "readonly" | "off", dir = defaultCacheDir()) { this.dir = join(dir, "plans"); }

  get(key: string): unknown {
    if (this.mode === "off" || !this.#trusted()) return undefined;
    const path = this.#path(key);
    try {
      const text = readFileSync(path, "utf8"), at = text.indexOf("\n");
      const body = text.slice(at + 1);
      if (at !== 64 || digest(body) !== text.slice(0, at)) return undefined;
      const value: unknown = JSON.parse(body);
      if (this.mode === "on") { const now = new Date(); try { utimesSync(path, now, now); } catch { /* a cache on a read-only disk */ } }
      return value;
    } catch { return undefined; }
  }

  put(key: string, value: unknown): void {
    if (this.mode !== "on") return;
    try {
      mkdirSync(this.dir, { recursive: true, mode: 0o700 });
      this.#usable = undefined;
      if (!this.#trusted()) return;
      const body = JSON.stringify(value), path = this.#path(key), temporary = `${path}.${process.pid}.tmp`;
      writeFileSync(temporary, `${digest(body)}\n${body}`, { mode: 0o600 });
      renameSync(temporary, path);
      if (Math.random() < 0.05) this.prune(LIMIT);
    } catch { /* a full or read-only disk costs time, not the result */ }
  }

  entries(): { readonly key: string; readonly bytes: number; readonly usedMs: number }[] {
    try {
      return readdirSync(this.dir).filter((f) => f.endsWith(".json")).map((f) => { const s = statSync(join(this.dir, f)); return { key: f.slice(0, -5), bytes: s.size, usedMs: s.mtimeMs }; });
    } catch { return []; }
  }
  prune(limit: number): void {
    let total = 0;
    for (const e of this.entries().sort((a, b) => b.usedMs - a.usedMs)) { total += e.bytes; if (total > limit) rmSync(this.#path(e.key), { force: true }); }
  }
  clear(): number { const all = this.entries(); for (const e of all) rmSync(this.#path(e.key), { force: true }); return all.length; }

  #path(key: string): string { return join(this.dir, `${key}.json`); }
  /** A plan holds code that will run: never take one from a directory that somebody else can write. */
  #trusted(): boolean {
    if (this.#usable === undefined) {
      let s: Stats | undefined;
      try { s = statSync(this.dir, { throwIfNoEntry: false }); } catch { /* a parent that is no directory, or may not be searched */ }
      this.#usable = s?.isDirectory() === true && (typeof process.getuid !== "function" || (s.uid === process.getuid() && (s.mode & 0o022) === 0));
    }
    return this.#usable;
  }
}
const digest = (s: string): string => createHash("sha256").update(s).digest("hex");
