/** Which number of threads is used, with run times made up: the policy has no clock of its own. */
import test from "ava";
import { TeamSize } from "../../ts/runtime/team-size.js";

/** Runs `n` calls with the given times; returns how many threads each got. */
function simulate(team: TeamSize, n: number, ns: (threads: number) => number): number[] {
  return Array.from({ length: n }, () => { const threads = team.next(); team.ran(threads, ns(threads)); return threads; });
}
const share = (runs: readonly number[], threads: number): number => runs.filter((x) => x === threads).length / runs.length;

test("all threads are used where they are faster, and one where they are not; the other way is tried now and then", (t) => {
  const gains = simulate(new TeamSize(4, () => false), 1000, (threads) => 4e6 / threads);
  t.is(gains[0], 4);
  t.true(share(gains, 4) > 0.9);
  t.true(share(gains, 1) > 0);
  const loses = new TeamSize(2, () => false), runs = simulate(loses, 5000, (threads) => (threads === 1 ? 4e6 : 400e6));
  t.true(share(runs, 1) > 0.99);
  t.true(share(runs, 2) > 2 / 5000);
});
test("trying costs a twentieth of the time at most", (t) => {
  for (const slow of [2, 10, 100]) {
    const runs = simulate(new TeamSize(2, () => false), 20_000, (threads) => (threads === 2 ? 1e6 : slow * 1e6)).slice(3);
    t.true(runs.filter((x) => x === 1).length * slow <= runs.length / 20 * 1.01 + slow);
  }
});
test("a change of the machine's load is noticed", (t) => {
  const team = new TeamSize(2, () => false), busy = (threads: number): number => (threads === 2 ? 300e6 : 5e6), idle = (threads: number): number => (threads === 2 ? 3e6 : 5e6);
  t.true(share(simulate(team, 200, idle), 2) > 0.9);
  t.true(share(simulate(team, 200, busy), 1) > 0.97);
  t.true(share(simulate(team, 3000, idle), 2) > 0.4);
  t.is(team.next(), 2);
});

test("while other processes have the cores, one thread: at first, and instead of trying all", (t) => {
  let crowded = true;
  const team = new TeamSize(2, () => crowded), time = (threads: number): number => (threads === 1 ? 4e6 : 3e6);
  t.is(share(simulate(team, 500, time), 1), 1);
  crowded = false;
  t.true(share(simulate(team, 500, time), 2) > 0.9);
  const slower = new TeamSize(2, () => crowded), loses = (threads: number): number => (threads === 1 ? 4e6 : 9e6);
  t.true(simulate(slower, 500, loses).includes(2));
  crowded = true;
  t.is(share(simulate(slower, 500, loses), 1), 1);
});
test("the machine is asked without an error, whatever it answers", (t) => {
  t.true([1, 2].includes(new TeamSize(2).next()));
});
