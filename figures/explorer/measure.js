// What steps of size η do, taken one by one: nothing of the laws above but each rule's speed, the gradient and the
// boundary. A generator that pauses often, so that a page can take it in slices; it returns {length},
// Infinity for a cycle and NaN for divergence, or {stopped}.

const PAUSE = 4096, MOST_STEPS = 4e6;

const speedOf = (rule) => (sigma) => (sigma > 0 ? laws[`speed_${named(rule)}`](sigma, rule.alpha) : 0);

function* measuredRegression(rule, { spectrum, start, threshold, step }) {
  const speed = rule.id === "newton" ? null : speedOf(rule), arrivals = new Map();
  let taken = 0;
  for (const rate of new Set(spectrum)) {
    let e = start, before = NaN, count = 0;
    while (Math.abs(e) > threshold * start) {
      const next = e - step * (speed ? Math.sign(e) * speed(rate * Math.abs(e)) : e);
      if (!(Math.abs(next) < 1e100)) return { length: NaN };
      if (Math.abs(next - before) <= 1e-12 * start) return { length: Infinity };
      [before, e] = [e, next];
      count++;
      if (++taken % PAUSE === 0) yield;
      if (taken > MOST_STEPS) return { stopped: true };
    }
    arrivals.set(rate, count);
  }
  const times = [...arrivals.values()];
  return { length: Math.max(...times) - Math.min(...times) };
}

// The longest run at 100 % test error; it ends when as many steps again have brought no longer one.
function* measuredFolded(rule, state) {
  const { epsilon, theta, margin, decay, u1, u2, step } = state, speed = rule.id === "newton" ? null : speedOf(rule);
  const [m1, m2] = [laws.moment_first(margin), laws.moment_second(margin)];
  let [w1, w2, run, longest, since] = [u1, u2, 0, 0, 0];
  for (let taken = 0; since <= 2 * (longest + 100); taken++) {
    if (w2 >= 0 && laws.boundary(w1, w2, theta) >= 0) run++;
    else run = 0;
    if (run > longest) [longest, since] = [run, 0];
    else since++;
    const g1 = laws.gradient_fast(w1, w2, m1, m2, epsilon, decay), g2 = laws.gradient_slow(w1, w2, m1, m2, epsilon, decay);
    if (speed) {
      const norm = Math.hypot(g1, g2), share = norm > 0 ? (step * speed(norm)) / norm : 0;
      [w1, w2] = [w1 - share * g1, w2 - share * g2];
    } else [w1, w2] = [w1 - (step * g1) / (m2 + decay), w2 - (step * g2) / (epsilon + decay)];
    if (!(Math.abs(w1) + Math.abs(w2) < 1e100)) return { length: NaN };
    if (taken % PAUSE === PAUSE - 1) yield;
    if (taken > MOST_STEPS) return { stopped: true };
  }
  return { length: longest };
}

// The generator run to its end.
function finished(generator) {
  for (;;) {
    const { done, value } = generator.next();
    if (done) return value;
  }
}
