/** V8's optimising compiler waits while a program is built, and goes on afterwards, whatever happens. */
import test from "ava";
import v8 from "node:v8";
import { buildGoesOn, whileBuilding } from "../../ts/base/optimiser.js";

test.serial("off while a build runs, on behind it; builds within builds; errors; long builds", (t) => {
  const flags: string[] = [], set = v8.setFlagsFromString, usage = process.cpuUsage.bind(process);
  v8.setFlagsFromString = (f) => { flags.push(f); };
  try {
    t.is(whileBuilding(() => whileBuilding(() => { t.deepEqual(flags, ["--no-opt"]); return 3; })), 3);
    t.deepEqual(flags.splice(0), ["--no-opt", "--opt"]);
    t.throws(() => whileBuilding(() => { throw new Error("no program"); }));
    t.deepEqual(flags.splice(0), ["--no-opt", "--opt"]);
    whileBuilding(() => {
      buildGoesOn();
      t.deepEqual(flags, ["--no-opt"]);
      const now = usage();
      process.cpuUsage = () => ({ ...now, user: now.user + 5_000_000 });
      buildGoesOn(); buildGoesOn();
      t.deepEqual(flags, ["--no-opt", "--opt"]);
    });
    t.deepEqual(flags, ["--no-opt", "--opt"]);
    buildGoesOn();
    t.is(flags.length, 2);
  } finally { v8.setFlagsFromString = set; process.cpuUsage = usage; }
});
