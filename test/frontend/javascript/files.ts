/** Files for tests: a folder of their own, modules loaded from it, and Node processes that run there. */
import type { ExecutionContext } from "ava";
import { execFile } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

type Exports = Readonly<Record<string, never>>;

export class Folder {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), "dace-js-")));
  constructor(t: ExecutionContext, files: Readonly<Record<string, string>>) {
    t.teardown(() => { rmSync(this.path, { recursive: true, force: true }); });
    for (const [name, text] of Object.entries(files)) writeFileSync(this.file(name), text);
  }
  file(name: string): string { return join(this.path, name); }
  require(name: string): Exports { return createRequire(this.file("_"))(this.file(name)) as Exports; }
  async import(name: string): Promise<Exports> {
    // TypeScript would make a require of it.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    const load = new Function("url", "return import(url)") as (url: string) => Promise<Exports>;
    return load(pathToFileURL(this.file(name)).href);
  }
  /** What a Node process prints. */
  async node(...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [...args], { cwd: this.path, env: { ...process.env, NODE_OPTIONS: "", NODE_V8_COVERAGE: "" } });
    return stdout;
  }
}
/** The compiled frontend's own file, for scripts of other processes. */
export function frontend(name: "javascript/index" | "array/text"): string { return JSON.stringify(require.resolve(`../../../ts/frontend/${name}.js`)); }
