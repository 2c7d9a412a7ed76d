/** The published types, as the compiler sees them from CommonJS and from ESM under `moduleResolution: node16`. */
import test from "ava";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { packageRoot } from "../../ts/runtime/addon.js";

test("the declarations of dist infer what the README says", (t) => {
  const config = join(packageRoot(), "test", "types", "tsconfig.json");
  t.true(existsSync(join(packageRoot(), "dist", "index.d.ts")), "npm ci builds dist");
  const { config: json } = ts.readConfigFile(config, (f) => ts.sys.readFile(f)) as { config: object };
  const parsed = ts.parseJsonConfigFileContent(json, ts.sys, dirname(config));
  t.is(parsed.fileNames.length, 2);
  const program = ts.createProgram(parsed.fileNames, parsed.options);
  const problems = ts.getPreEmitDiagnostics(program).map((d) => `${d.file?.fileName.split("/").at(-1) ?? ""}:${d.file && d.start !== undefined ? d.file.getLineAndCharacterOfPosition(d.start).line + 1 : 0} ${ts.flattenDiagnosticMessageText(d.messageText, "\n")}`);
  t.deepEqual(problems, []);
});
