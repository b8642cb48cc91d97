// Numbers from the laws: arrivals, plateaus, and the searches and the quadrature that they need. Nothing here draws.

// The rule that a power law is, where it has a name of its own.
const POWERS = { 0: "gd", 1: "egd", 2: "ngd" };
const named = (rule) => (rule.id === "power" ? (POWERS[rule.alpha] ?? "power") : rule.id);

// ---- regression: one scalar equation a direction

// Flow time at which a direction of curvature `rate` reaches q of its start.
function arrivalLaw(rule) {
  const law = laws[`arrival_${named(rule)}`];
  return (rate, e0, q) => law(rate, e0, q, rule.alpha);
}

// The step from which on a rule diverges: Infinity where there is none.
function largestStep(rule, sharpness) {
  const law = laws[`largest_step_${named(rule)}`];
  return law ? law(sharpness) : Infinity;
}

// Steps until a direction arrives: Infinity where it never does, null where no closed form is derived.
function arrivalSteps(rule, rate, e0, q, eta) {
  const id = named(rule);
  if (id === "egd") {
    const count = Math.max(1, Math.ceil(laws.steps_egd(e0, q, eta)));
    return laws.left_egd(e0, eta, count) < -q * e0 ? Infinity : count; // short of the band it can only be by rounding
  }
  if (id !== "gd" && id !== "newton") return null;
  const rho = laws.contraction(laws[`product_${id}`](eta, rate));
  if (rho >= 0) return Infinity;
  return rho === -Infinity ? 1 : Math.max(1, Math.ceil(laws.steps_linear(q, rho)));
}

// From the first to the last of some times, and both ends; null where one of them is not known. One time alone has no
// first and last, and a length of null, unless it is never.
function spread(times) {
  if (times.includes(null)) return null;
  const first = Math.min(...times), last = Math.max(...times);
  return { first, last, length: last === Infinity ? Infinity : times.length > 1 ? last - first : null };
}

function regressionFlow(rule, { spectrum, start, threshold }) {
  const arrival = arrivalLaw(rule);
  return spread(spectrum.map((rate) => arrival(rate, start, threshold)));
}

function regressionSteps(rule, { spectrum, start, threshold, step }) {
  if (step >= largestStep(rule, Math.max(...spectrum))) return { diverges: true };
  return spread(spectrum.map((rate) => arrivalSteps(rule, rate, start, threshold, step)));
}

// ---- the folded model: a path and a clock

const NAMES = ["slow", "fast", "constant", "initial", "rate_fast", "rate_slow", "error_fast", "error_slow"];

function foldedParts(state) {
  const { epsilon, theta, margin, weight_decay, u1, u2 } = state;
  const values = [epsilon, theta, margin, weight_decay, u1, u2];
  const parts = Object.fromEntries(NAMES.map((name) => [name, laws[name](...values)]));
  return { ...parts, newton_fast: laws.newton_fast(...values), newton_slow: laws.newton_slow(...values) };
}

const contractions = (rule, parts) =>
  rule.id === "newton" ? [parts.newton_slow, parts.newton_fast] : [parts.rate_slow, parts.rate_fast];

const ROUNDING = 1e-15; // of the faster time scale: what is shorter is a start on the boundary, and no plateau

// The boundary function along even (parity 0) or odd steps, or along the path of a flow.
function edgeOf(parts, rates, turns = [false, false]) {
  const { slow, fast, constant, initial } = parts;
  const value = (x, odd) =>
    x === 0
      ? initial
      : laws.edge(odd && turns[0] ? -slow : slow, odd && turns[1] ? -fast : fast, constant, rates[0], rates[1], x);
  return {
    shortest: ROUNDING / Math.max(...rates.map(Math.abs)),
    inside: (x) => (x % 2 === 1 && turns[0] ? -slow : slow) >= 0 && value(x, x % 2 === 1) >= 0,
    stationary(odd = false) {
      const found = laws.stationary(odd && turns[0] ? -slow : slow, odd && turns[1] ? -fast : fast, rates[0], rates[1]);
      return Number.isFinite(found) && found >= 0 ? found : null;
    },
  };
}

// The boundary between a number inside and one outside, to the last digit or a share; of whole numbers with `round`.
function crossing(inside, yes, no, round = (x) => x, share = 0) {
  for (;;) {
    const middle = round((yes + no) / 2);
    if (middle === yes || middle === no || Math.abs(no - yes) <= share * Math.max(yes, no)) return yes;
    if (inside(middle)) yes = middle;
    else no = middle;
  }
}

function longestInterval(edge, share = 0) {
  const inner = [0, edge.stationary()].find((x) => x !== null && edge.inside(x));
  if (inner === undefined) return null;
  let outer = Math.max(1, 2 * inner);
  while (edge.inside(outer)) outer *= 2;
  const first = edge.inside(0) ? 0 : crossing(edge.inside, inner, 0, undefined, share), last = crossing(edge.inside, inner, outer, undefined, share);
  return last - first > edge.shortest ? [first, last] : null;
}

function parityRun(edge, parity) {
  const inside = (j) => edge.inside(2 * j + parity);
  const peak = edge.stationary(parity === 1);
  const near = peak === null ? [] : [0, 1].map((i) => Math.floor((peak - parity) / 2) + i);
  const inner = [0, 1, ...near].find((j) => j >= 0 && inside(j));
  if (inner === undefined) return null;
  let outer = inner + 1;
  while (inside(outer)) outer *= 2;
  const toward = (no) => crossing(inside, inner, no, no > inner ? Math.floor : Math.ceil);
  return [inside(0) ? parity : 2 * toward(0) + parity, 2 * toward(outer) + parity];
}

// Steps of the longest unbroken run, from the runs of each parity.
function longestRun(edge) {
  const runs = [parityRun(edge, 0), parityRun(edge, 1)].filter((run) => run);
  if (runs.length < 2) return runs.length;
  const [[a, b], [c, d]] = runs;
  return Math.max(1, Math.min(b, d) - Math.max(a, c) + 3);
}

// Nodes and weights of Gauss and Legendre on (−1, 1).
function gauss(n) {
  return Array.from({ length: n }, (_, i) => {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5)), slope = 1;
    for (let pass = 0; pass < 8; pass++) {
      let p = 1, before = 0;
      for (let k = 1; k <= n; k++) [p, before] = [((2 * k - 1) * x * p - (k - 1) * before) / k, p];
      slope = (n * (x * p - before)) / (x * x - 1);
      x -= p / slope;
    }
    return [x, 2 / ((1 - x * x) * slope * slope)];
  });
}

const RULE12 = gauss(12);

function panel(f, a, b) {
  const half = (b - a) / 2, middle = (a + b) / 2;
  let sum = 0;
  for (const [x, weight] of RULE12) sum += weight * f(middle + half * x);
  return half * sum;
}

function refined(f, a, b, whole, tolerance, depth = 40) {
  const middle = (a + b) / 2, left = panel(f, a, middle), right = panel(f, middle, b);
  if (depth === 0 || Math.abs(left + right - whole) <= tolerance * Math.abs(whole)) return left + right;
  return refined(f, a, middle, left, tolerance, depth - 1) + refined(f, middle, b, right, tolerance, depth - 1);
}

// Flow times at increasing places of the path: the clock's integral, cut at multiples of both time scales.
function clockTimes(alpha, parts, places, tolerance) {
  if (alpha === 0) return places.map((place) => place - places[0]);
  const { rate_fast, rate_slow, error_fast, error_slow } = parts;
  const f = (tau) => laws.clock(alpha, rate_fast, rate_slow, error_fast, error_slow, tau);
  const cuts = new Set(places), [begin, end] = [places[0], places[places.length - 1]];
  for (const rate of [rate_fast, rate_slow])
    for (let width = 0.1 / rate; width < end - begin; width *= 2) cuts.add(begin + width);
  const times = new Map([[begin, 0]]);
  let total = 0, last = begin;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const whole = cut > last ? panel(f, last, cut) : 0;
    total += cut > last && tolerance < Infinity ? refined(f, last, cut, whole, tolerance) : whole;
    times.set((last = cut), total);
  }
  return places.map((place) => times.get(place));
}

const EXACT = 1e-13, DRAWN = Infinity; // tolerances of the clock for a number, and for a line: one pass

// Longest run at 100 % test error in flow time, of several rules; all but Newton's share one path.
function foldedFlows(rules, state, tolerance = EXACT) {
  const parts = foldedParts(state), spans = new Map();
  return rules.map((rule) => {
    const path = rule.id === "newton";
    if (!spans.has(path)) spans.set(path, longestInterval(edgeOf(parts, contractions(rule, parts).map((rate) => -rate))));
    const span = spans.get(path), alpha = path ? 0 : rule.alpha;
    if (!span) return { first: 0, last: 0, length: 0 };
    const [length] = clockTimes(alpha, parts, span, tolerance).slice(1);
    const first = span[0] > 0 ? clockTimes(alpha, parts, [0, span[0]], tolerance)[1] : 0;
    return { first, last: first + length, length };
  });
}

// The same in steps of size η; null where no closed form is derived.
function foldedSteps(rule, state) {
  const parts = foldedParts(state), rates = contractions(rule, parts);
  if (rule.id !== "newton" && rule.alpha !== 0) return null;
  const products = rates.map((rate) => state.step * rate);
  if (Math.max(...products) >= 2) return { diverges: true };
  const edge = edgeOf(parts, products.map(laws.contraction), products.map((p) => p > 1));
  return { length: longestRun(edge) };
}
