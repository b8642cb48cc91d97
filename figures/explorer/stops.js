// The badges: where the theory stops.

const APART = 0.1; // measured and predicted, relative, where a finite step does not follow the flow

// Where the theory stops, each in a few words.
function stops({ state, runs, of }, measured) {
  const found = [], gd = of("gd"), regression = isRegression(state);
  const limit = gd ? largestStep(gd.rule, regression ? Math.max(...state.spectrum) : foldedParts(state).rate_fast) : Infinity;
  if (state.step >= limit) found.push(`Step above gradient descent’s limit 2/λ₁ = ${plain(limit)}`);
  if (regression && of("egd")?.steps.length === Infinity) found.push("EGD’s steps cycle, no larger than η, and never arrive");
  if (!regression && of("power").flow.length === 0) found.push("Start outside the region of 100 % test error: no plateau");
  const apart = runs.filter(({ rule, flow }) => {
    const length = withoutNoise(measured.get(rule.id), state) * state.step;
    if (length === Infinity) return rule.id !== "egd"; // of which it is said above
    return Number.isFinite(length) && Math.abs(length - flow.length) > APART * Math.max(length, flow.length) + 2 * state.step;
  });
  if (apart.length) found.push(`Steps of this size do not follow the flow: ${apart.map(({ rule }) => nameOf(rule)).join(", ")}`);
  return isNoisy(state) ? [...found, ...noiseStops({ state, runs, of }, measured)] : found;
}

// Length of the steps that were taken on all examples.
const withoutNoise = (measured, state) => (isNoisy(state) ? measured?.still : measured?.length);

const noiseLimit = ({ epsilon, margin, weight_decay, batch }) => laws.noise_limit(epsilon, margin, weight_decay, batch);

// The same for runs with noise, held against steps of the same size without.
function noiseStops({ state, runs, of }, measured) {
  const found = [], limit = noiseLimit(state), answers = runs.map(({ rule }) => [rule, measured.get(rule.id) ?? {}]);
  if (of("gd") && state.step >= limit) found.push(`Step above gradient descent’s limit with noise, ${plain(limit)}: errors grow in mean square`);
  if (answers.some(([, { stopped }]) => stopped)) found.push("Runs too long to take: try fewer examples, a larger step or a larger ε");
  const moved = answers.filter(([, { band, still }]) => band && (still < band[0] || still > band[1]));
  if (moved.length) found.push(`Noise moves the plateau, whose length without it lies outside the band: ${moved.map(([rule, { still }]) => `${nameOf(rule)} (${plain(still)})`).join(", ")}`);
  return found;
}
