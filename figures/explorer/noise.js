// Steps of size η on minibatches of the folded model, one seed after the other: what a run with noise does.

const RECORDED = Array.from({ length: 220 }, (_, i) => Math.round(10 ** (i / 30))).filter((step, i, all) => step !== all[i - 1]);

// Random numbers by Doty-Humphrey's sfc32, a stream of its own for each pair of seed and run.
function stream(seed, run) {
  let [a, b, c, count] = [seed, run, 0x9e3779b9, 1], spare = null;
  const next = () => {
    const sum = (((a + b) | 0) + count) | 0;
    count = (count + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  const uniform = () => (next() + 0.5) / 2 ** 32; // in (0, 1)
  for (let i = 0; i < 20; i++) next(); // until seeds that differ by a bit have parted
  return {
    uniform,
    sign: () => (next() < 2 ** 31 ? -1 : 1),
    // A standard normal number, by Marsaglia's polar method.
    normal() {
      if (spare !== null) {
        const kept = spare;
        spare = null;
        return kept;
      }
      for (;;) {
        const x = 2 * uniform() - 1, y = 2 * uniform() - 1, r = x * x + y * y;
        if (r >= 1 || r === 0) continue;
        const scale = Math.sqrt((-2 * Math.log(r)) / r);
        spare = y * scale;
        return x * scale;
      }
    },
    // A standard normal number's size, given that it is at least s: by rejection from an exponential tail.
    beyond(s) {
      const rate = (s + Math.sqrt(s * s + 4)) / 2;
      for (;;) {
        const x = s - Math.log(uniform()) / rate, fall = square(x - rate) / 2, u = uniform();
        if (u <= 1 - fall || u <= Math.exp(-fall)) return x; // the first implies the second, and is quick
      }
    },
  };
}

const FAR = 10; // times the size of the start: weights beyond are watched until they have come back or diverged

// One run, until as many steps again have brought no longer run at 100 % test error: {length, steps taken, errors at RECORDED}.
function* noisyRun(rule, state, random, allowed) {
  const { epsilon, theta, margin, weight_decay, batch, step } = state, root = Math.sqrt(epsilon);
  const speed = rule.id === "newton" ? null : speedOf(rule), second = laws.moment_second(margin);
  const errors = [], seen = runCounter();
  const far = canGoOff(rule) ? FAR * (1 + Math.abs(state.u1) + Math.abs(state.u2)) : Infinity;
  let [w1, w2] = [state.u1, state.u2], taken = 0;
  for (; seen.since <= seen.longest + 100 || Math.abs(w1) + Math.abs(w2) > far; taken++) {
    seen.count(w2, laws.boundary(w1, w2, theta));
    if (taken === RECORDED[errors.length]) errors.push(laws.test_error(w1, w2, epsilon, theta));
    let [g1, g2] = [0, 0];
    for (let i = 0; i < batch; i++) {
      const y = random.sign(), x1 = y * random.beyond(margin), x2 = root * random.normal();
      g1 += laws.sample_fast(w1, w2, x1, x2, y);
      g2 += laws.sample_slow(w1, w2, x1, x2, y);
    }
    [g1, g2] = [g1 / batch + weight_decay * w1, g2 / batch + weight_decay * w2];
    if (speed) {
      const norm = Math.hypot(g1, g2), share = norm > 0 ? (step * speed(norm)) / norm : 0;
      [w1, w2] = [w1 - share * g1, w2 - share * g2];
    } else [w1, w2] = [w1 - (step * g1) / (second + weight_decay), w2 - (step * g2) / (epsilon + weight_decay)];
    if (!(Math.abs(w1) + Math.abs(w2) < 1e100)) return { length: NaN };
    if ((taken * batch) % PAUSE < batch) yield;
    if (taken * batch > allowed) return { stopped: true };
  }
  return { length: seen.longest, taken, errors };
}

// The runs of some seeds: {lengths, errors by run, steps of the one that took most}, or what stopped them.
function* noisyRuns(rule, state, seeds = SEEDS, allowed = MOST_EXAMPLES / seeds) {
  if (!settles(rule)) return { unsettled: true };
  const runs = [];
  for (let i = 0; i < seeds; i++) {
    const run = yield* noisyRun(rule, state, stream(state.seed, i), allowed);
    if (!run.errors) return run;
    runs.push(run);
  }
  return { lengths: runs.map(({ length }) => length), errors: runs.map(({ errors }) => errors), taken: Math.max(...runs.map(({ taken }) => taken)) };
}

// The least value that a share of the values does not exceed.
function quantile(values, share) {
  const ordered = Float64Array.from(values).sort();
  return ordered[Math.max(0, Math.ceil(share * ordered.length) - 1)];
}

const BAND = [0.1, 0.5, 0.9];

// What the page shows of the runs: median length, its band, and [steps, low, median, high] of the test error, or what
// stopped them; beside them the length of steps without noise, `still`. Gradient descent's runs take those in the mean, so
// that runs too long to take diverge where those do.
function* measuredNoisy(rule, state) {
  const found = yield* noisyRuns(rule, state), { length: still } = yield* measuredFolded(rule, state);
  if (found.stopped && Number.isNaN(still)) return { length: NaN, still };
  if (!found.lengths) return { ...found, still };
  const [low, length, high] = BAND.map((share) => quantile(found.lengths, share));
  const shortest = Math.min(...found.errors.map((errors) => errors.length));
  const curve = RECORDED.slice(0, shortest).map((step, i) => [step, ...BAND.map((share) => quantile(found.errors.map((errors) => errors[i]), share))]);
  return { length, band: [low, high], curve, still, taken: found.taken };
}
