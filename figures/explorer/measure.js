// What steps of size η do, taken one by one: nothing of the laws above but each rule's speed, the gradient and the
// boundary. A generator that pauses often, so that it can be taken in slices; it returns {length}, Infinity for a
// cycle, NaN for divergence and null for one direction that arrives alone, or {stopped} or {unsettled}; of a regression
// also [singular value, steps to arrive].

const PAUSE = 4096, MOST_STEPS = 1e7;

const speedOf = (rule) => (sigma) => (sigma > 0 ? laws[`speed_${named(rule)}`](sigma, rule.alpha) : 0);

// Whether steps come to rest or to a cycle; where every cycle repels they do neither, and what they do hangs on rounding.
const settles = (rule) => !(rule.alpha > 0) || laws.cycle_multiplier(rule.alpha) <= 1;

function* measuredRegression(rule, { spectrum, start, threshold, step }) {
  if (!settles(rule)) return { unsettled: true };
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
  return { length: spectrum.length > 1 ? Math.max(...times) - Math.min(...times) : null, arrivals: [...arrivals] };
}

// Whether a step grows with the error as fast as the error does: weights can go off then, but not where α > 0.
const canGoOff = (rule) => !(rule.alpha > 0);

const NEARER = 1e-9; // of the distance left

// Counts steps at 100 % test error, its boundary not negative and w₂ ≥ 0. `since` begins again with a longer run, and
// while the weights are on their way in: each time they come nearer to the boundary than they were.
function runCounter() {
  let run = 0, nearest = -Infinity;
  const counted = { longest: 0, since: 0 };
  counted.count = (w2, boundary) => {
    const ahead = w2 >= 0 && boundary < 0 && boundary - nearest > NEARER * -boundary;
    run = w2 >= 0 && boundary >= 0 ? run + 1 : 0;
    if (ahead) nearest = boundary;
    counted.since = run > counted.longest || ahead ? 0 : counted.since + 1;
    counted.longest = Math.max(run, counted.longest);
  };
  return counted;
}

// The longest run at 100 % test error; it ends when as many steps again have brought no longer one, and goes on while
// the weights go off, until they are seen to diverge. What is stepped
// is the error w − w*, whose gradient is that of weights with m₁ = 0: next to w* the weights would round it.
function* measuredFolded(rule, state) {
  if (!settles(rule)) return { unsettled: true };
  const { epsilon, theta, margin, weight_decay, u1, u2, step } = state, speed = rule.id === "newton" ? null : speedOf(rule);
  const [m1, m2] = [laws.moment_first(margin), laws.moment_second(margin)];
  const rest = m1 / (m2 + weight_decay);
  const seen = runCounter();
  let [e1, e2] = [u1 - rest, u2], off = false;
  for (let taken = 0; off || seen.since <= 2 * (seen.longest + 100); taken++) {
    const [before1, before2] = [Math.abs(e1), Math.abs(e2)];
    seen.count(e2, laws.boundary(taken ? rest + e1 : u1, e2, theta));
    const g1 = laws.gradient_fast(e1, e2, 0, m2, epsilon, weight_decay), g2 = laws.gradient_slow(e1, e2, 0, m2, epsilon, weight_decay);
    if (speed) {
      const norm = Math.hypot(g1, g2), share = norm > 0 ? (step * speed(norm)) / norm : 0;
      [e1, e2] = [e1 - share * g1, e2 - share * g2];
    } else [e1, e2] = [e1 - step * e1, e2 - step * e2];
    off = canGoOff(rule) && (Math.abs(e1) > before1 || Math.abs(e2) > before2);
    if (!(Math.abs(e1) + Math.abs(e2) < 1e100)) return { length: NaN };
    if (taken % PAUSE === PAUSE - 1) yield;
    if (taken > MOST_STEPS) return off ? { length: NaN } : { stopped: true };
  }
  return { length: seen.longest };
}

// The generator run to its end.
function finished(generator) {
  for (;;) {
    const { done, value } = generator.next();
    if (done) return value;
  }
}

const SLICE = 20; // milliseconds

// Answers questions (id, rules, state) rule by rule, through tell(id, rule's id, what was measured). A newer question
// ends the one before; between slices others have their turn.
function measurer(tell) {
  let newest = null;
  return (id, rules, state) => {
    newest = id;
    const steps = state.model === "regression" ? measuredRegression : state.batch === null ? measuredFolded : measuredNoisy;
    const open = rules.map((rule) => [rule.id, steps(rule, state)]);
    const slice = () => {
      if (newest !== id) return;
      for (const end = performance.now() + SLICE; open.length && performance.now() < end; ) {
        const { done, value } = open[0][1].next();
        if (done) tell(id, open.shift()[0], value);
      }
      if (open.length) setTimeout(slice);
    };
    slice();
  };
}

// What the script is in a worker.
function serve() {
  const take = measurer((...answer) => postMessage(answer));
  onmessage = ({ data }) => take(...data);
}
