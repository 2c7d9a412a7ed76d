/** Text snapshots in test/golden/. UPDATE_GOLDEN=1 rewrites them; read the diff. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";

export function golden(t: ExecutionContext, name: string, text: string): void {
  const folder = join(process.cwd(), "test", "golden"), path = join(folder, `${name}.txt`);
  if (process.env["UPDATE_GOLDEN"]) { mkdirSync(folder, { recursive: true }); writeFileSync(path, text); }
  if (!existsSync(path)) { t.fail(`${path} does not exist: run with UPDATE_GOLDEN=1 and read what it writes`); return; }
  t.is(text, readFileSync(path, "utf8"), `${name} has changed: if that is right, run with UPDATE_GOLDEN=1 and commit the diff`);
}
