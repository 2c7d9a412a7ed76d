/** Loads the native addon once, and says why where it cannot. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { NativeAddon } from "./addon-types.js";

export interface AddonState { readonly addon?: NativeAddon; readonly causes: readonly string[] }

let state: AddonState | undefined;

/** The package's root: the nearest folder above that holds its package.json. */
export function packageRoot(): string {
  let dir = __dirname;
  while (!existsSync(join(dir, "package.json"))) { const up = dirname(dir); if (up === dir) return __dirname; dir = up; }
  return dir;
}

export function nativeAddon(): AddonState {
  if (state) return state;
  if (process.env["DACE_AD_NO_ADDON"]) { state = { causes: ["DACE_AD_NO_ADDON is set"] }; return state; }
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const load = require("node-gyp-build") as (dir: string) => unknown;
    state = { addon: load(packageRoot()) as NativeAddon, causes: [] };
  } catch (e) {
    state = { causes: [e instanceof Error ? e.message.split("\n")[0]! : String(e)] };
  }
  return state;
}
