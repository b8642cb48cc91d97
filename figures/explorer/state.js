// What the page shows: parameters with their domains, spectra by shape, and the address that holds them.

const SHAPES = { "two-level": "two levels", geometric: "geometric", "power-law": "power law", "marchenko-pastur": "Marchenko–Pastur" };
const MOST_DIRECTIONS = page.most_directions, MOST_CURVES = 24, SMALLEST = 1e-100, LARGEST = 1e100;

const PARAMETERS = page.parameters;

// Where in the spectrum each direction lies, from 0 (largest) to 1 (smallest), in decades of the condition number.
function places(shape, count, condition) {
  const even = Array.from({ length: count }, (_, i) => i / (count - 1));
  if (shape === "two-level") return even.map((x) => Math.round(x + 1e-9));
  if (shape === "power-law") return even.map((_, i) => Math.log(i + 1) / Math.log(count));
  if (shape === "marchenko-pastur" && condition > 1) return marchenkoPastur(even, condition);
  return even;
}

// Quantiles of Marchenko and Pastur's density between edges with this ratio. With x = centre − radius·cos φ it is
// smooth in φ, so that its integral is a sum over even steps.
function marchenkoPastur(shares, condition) {
  const root = Math.sqrt(condition), aspect = ((root - 1) / (root + 1)) ** 2;
  const centre = 1 + aspect, radius = 2 * Math.sqrt(aspect), steps = 20000;
  const sums = [0], at = (i) => centre - radius * Math.cos((Math.PI * i) / steps);
  for (let i = 1; i <= steps; i++) sums.push(sums[i - 1] + Math.sin((Math.PI * (i - 0.5)) / steps) ** 2 / at(i - 0.5));
  let i = steps;
  return shares.map((share) => {
    while (i > 0 && sums[i] > (1 - share) * sums[steps]) i--;
    const x = share === 0 ? at(steps) : share === 1 ? at(0) : at(i + 0.5);
    return Math.log(at(steps) / x) / Math.log(condition);
  });
}

function shaped(state) {
  const { shape, directions, condition } = state;
  return places(shape, directions, condition).map((place) => Number((condition ** -place).toPrecision(12)));
}

// Spectra that are given, not made from a number and a condition number.
const isGiven = (shape) => shape === "own" || shape === "digits";

// A state with the spectrum of its shape.
function withShape(state) {
  if (state.shape === "digits") return { ...withSpectrum(state, page.digits), shape: "digits" };
  return { ...state, spectrum: shaped(state) };
}

const conditionOf = (spectrum) => Math.max(...spectrum) / Math.min(...spectrum);

// The same spectrum with another condition number: its logarithms stretched from the largest value down.
function stretched(spectrum, condition) {
  const top = Math.max(...spectrum), factor = Math.log(condition) / Math.log(conditionOf(spectrum));
  return spectrum.map((value) => top * (value / top) ** factor);
}

function defaults() {
  const state = { model: page.start.model ?? "regression", shape: "geometric", rules: page.switched_on, batch: null };
  for (const [name, { value }] of Object.entries(PARAMETERS)) state[name] = value;
  state.step = page.start.step;
  return page.start.spectrum ? withSpectrum(state, page.start.spectrum) : withShape(state);
}

function withSpectrum(state, spectrum) {
  const sorted = [...spectrum].sort((a, b) => b - a);
  return { ...state, shape: "own", spectrum: sorted, directions: sorted.length, condition: conditionOf(sorted) };
}

// ---- what a state gives

// The rules in sight: the power law, and the named ones whose switch is on.
const rulesOf = (state) =>
  page.rules.filter(({ id }) => id === "power" || state.rules.includes(id)).map((rule) => (rule.id === "power" ? { ...rule, alpha: state.alpha } : rule));
const NAMED = page.rules.filter(({ id }) => id !== "power");
const isRegression = (state) => state.model === "regression";
const isAlone = (state) => isRegression(state) && state.spectrum.length === 1;
const isNoisy = (state) => !isRegression(state) && state.batch !== null;

function flows(rules, state, tolerance) {
  return isRegression(state) ? rules.map((rule) => regressionFlow(rule, state)) : foldedFlows(rules, state, tolerance);
}

// All that the page says about a state.
function found(state) {
  const rules = rulesOf(state), times = flows(rules, state), steps = isRegression(state) ? regressionSteps : foldedSteps;
  const runs = rules.map((rule, i) => ({ rule, flow: times[i], steps: steps(rule, state) }));
  return { state, runs, of: (id) => runs.find((run) => run.rule.id === id) };
}

// ---- the address

function fragment(state) {
  const usual = defaults(), entries = [];
  if (state.model !== usual.model) entries.push(["model", state.model]);
  if (String(state.rules) !== String(usual.rules)) entries.push(["rules", state.rules.join(",") || "none"]);
  if (state.batch !== usual.batch) entries.push(["batch", state.batch ?? "all"]);
  const own = state.shape === "own", differs = own && String(state.spectrum) !== String(usual.spectrum);
  if (differs) entries.push(["spectrum", state.spectrum.join(",")]);
  if (!own && state.shape !== usual.shape) entries.push(["shape", state.shape]);
  for (const name of Object.keys(PARAMETERS)) {
    const derived = isGiven(state.shape) && (name === "directions" || name === "condition");
    if (!derived && (state[name] !== usual[name] || (usual.shape === "own" && !own && PARAMETERS[name].of === "regression")))
      entries.push([name, state[name]]);
  }
  return entries.map(([name, value]) => `${name}=${value}`).join("&");
}

function refuse(name, must, but) {
  throw new RangeError(`\`${name}\` must ${must}, but ${but}`);
}

function checkedNumber(name, text) {
  const { low, high, whole } = PARAMETERS[name], value = text.trim() === "" ? NaN : Number(text);
  if (!(value >= low && value <= high)) refuse(name, `lie between ${plain(low)} and ${plain(high)}`, `is ${shortened(text)}`);
  if (whole && value !== Math.round(value)) refuse(name, "be a whole number", `is ${shortened(text)}`);
  return value;
}

function checkedSpectrum(text) {
  const parts = text.split(","), values = parts.map((part) => (part.trim() === "" ? NaN : Number(part)));
  if (parts.length > MOST_DIRECTIONS) refuse("spectrum", `hold at most ${MOST_DIRECTIONS} numbers`, `holds ${parts.length}`);
  const bad = values.findIndex((value) => !(value >= SMALLEST && value <= LARGEST));
  if (bad >= 0) refuse("spectrum", "hold positive numbers separated by commas", `holds ${shortened(parts[bad])}`);
  return values;
}

function checkedBatch(text) {
  const value = Number(text), most = page.most_batch;
  if (!(Number.isInteger(value) && value >= 1 && value <= most)) refuse("batch", `be all or a whole number from 1 to ${plain(most)}`, `is ${shortened(text)}`);
  return value;
}

// The named rules that are switched on, in the page's order; "none" of them.
function checkedRules(text) {
  const ids = NAMED.map(({ id }) => id), chosen = text === "none" ? [] : text.split(",").map((id) => known("rules", id, ids));
  return ids.filter((id) => chosen.includes(id));
}

const shortened = (text) => (text.trim() === "" ? "empty" : text.length > 40 ? `${text.slice(0, 40)}…` : text);

// The state that an address stands for; throws a RangeError that says what is wrong with it.
function parsed(text) {
  let state = defaults();
  if (text === "") return state;
  let spectrum = null;
  for (const part of text.split("&")) {
    const [name, ...rest] = part.split("="), value = rest.join("=");
    if (name === "model") state.model = known(name, value, ["regression", "folded"]);
    else if (name === "shape") state.shape = known(name, value, [...Object.keys(SHAPES), "digits"]);
    else if (name === "rules") state.rules = checkedRules(value);
    else if (name === "batch") state.batch = value === "all" ? null : checkedBatch(value);
    else if (name === "spectrum") spectrum = checkedSpectrum(value);
    else if (Object.hasOwn(PARAMETERS, name)) state[name] = checkedNumber(name, value);
    else refuse(shortened(name), "be a parameter of this page", "is not known");
  }
  if (spectrum) return withSpectrum(state, spectrum);
  return state.shape === "own" ? state : withShape(state);
}

function known(name, value, choices) {
  if (!choices.includes(value)) refuse(name, `be one of ${choices.join(", ")}`, `is ${shortened(value)}`);
  return value;
}

// ---- numbers as text

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const raised = (n) => (n < 0 ? "⁻" : "") + [...String(Math.abs(n))].map((digit) => SUPERSCRIPTS[digit]).join("");
const minus = (text) => text.replace("-", "−");

const GROUPED = new Intl.NumberFormat("en", { maximumFractionDigits: 9 }); // to make one takes longer than to use it

const DECIMALS = new Intl.NumberFormat("en", { useGrouping: false, maximumSignificantDigits: 6 }); // never 1e-8, which screen readers do not take

// Three or four digits, as a reader wants them; whole numbers in full.
function plain(value, digits = 3) {
  if (value === Infinity) return "∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e12) return minus(GROUPED.format(value));
  if (size >= 1e-3 && size < 1e6) return minus(GROUPED.format(Number(value.toPrecision(digits))));
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const front = Number(mantissa);
  return minus(`${front === 1 ? "" : `${front} × `}10${raised(Number(exponent))}`);
}
