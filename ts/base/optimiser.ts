/**
 * V8's optimising compiler waits while a program is built. A build runs much code once or a few hundred times, within half a second: what V8 optimises meanwhile, on
 * threads of its own, takes longer than it saves (it is more than half of the processor time of a build). Builds are synchronous, so nothing else of the thread
 * runs in between; code that is optimised already stays so. A build that takes long has use for it after all.
 */
import { setFlagsFromString } from "node:v8";

/** Milliseconds of processor time after which a build is long. */
const LONG = 1500;
const spent = (): number => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
/** Who starts Node with flags of this kind knows what they want. */
let told = process.execArgv.some((x) => /^--(?:no-?)?(?:opt|turbo|turbofan|jitless|maglev|sparkplug|always-\w+)\b/.test(x.replaceAll("_", "-")));
let builds = 0, waiting = false, since = 0;

function wait(on: boolean): void {
  if (on === waiting || told) return;
  waiting = on;
  // What is not V8 has no such flags.
  try { setFlagsFromString(on ? "--no-opt" : "--opt"); } catch { told = true; }
}

export function whileBuilding<T>(f: () => T): T {
  if (builds++ === 0) { since = spent(); wait(true); }
  try { return f(); } finally { if (--builds === 0) wait(false); }
}
/** Between the steps of a build. */
export function buildGoesOn(): void { if (waiting && spent() - since > LONG) wait(false); }
