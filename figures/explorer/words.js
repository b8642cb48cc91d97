// What the page says in words: headline, table, law, and what is taken along.

function stepsText(steps) {
  if (!steps) return "–";
  if (steps.diverges) return "diverges";
  return steps.length === Infinity ? "never: it cycles" : plain(steps.length);
}

const inSteps = (steps) => `${stepsText(steps)} step${steps.length === 1 ? "" : "s"}`;

function measuredText(measured, state) {
  if (!measured) return "…";
  if (measured.unsettled) return "does not settle";
  if (measured.stopped) return `stopped after ${isNoisy(state) ? `${plain(MOST_EXAMPLES / SEEDS)} examples a run` : `${plain(MOST_STEPS / 1e6)} million`}`;
  if (measured.band) return `${plain(measured.length)} (${measured.band.map((end) => plain(end)).join("\u00a0to\u00a0")})`;
  return Number.isNaN(measured.length) ? "diverges" : measured.length === Infinity ? "never" : plain(measured.length);
}

const sooner = (ratio) => (ratio >= 1 ? `${plain(ratio, 2)} times sooner` : `${plain(1 / ratio, 2)} times later`);

const nameOf = (rule) => (rule.id === "power" ? `α = ${plain(rule.alpha)}` : rule.short);

// One sentence about gradient descent and EGD where they are in sight, and about the power law where neither is.
function headline(all, measured) {
  if (isRegression(all.state)) return waitsOf(all);
  return isNoisy(all.state) ? staysWithNoise(all, measured) : staysOf(all, measured);
}

// What is predicted is without noise, and says so; what runs with noise did stands beside it.
function staysWithNoise({ state, of }, measured) {
  const { rule } = of("gd") ?? of("egd") ?? of("power"), unit = rule.id !== "gd" && measured.get(rule.id)?.band ? " steps" : "", alone = (id) => (id === rule.id || id === "power" ? of(id) : undefined);
  const seen = (id) => middleText(measured.get(id), state), egd = of("gd") && of("egd") ? `, EGD’s ${seen("egd")}` : "";
  const told = staysOf({ state, of: alone }, new Map()).slice(0, -1);
  return `Without noise, ${lowered(told)}; with ${examples(state)} a step: ${seen(rule.id)}${unit}${egd}.`;
}

// The median alone, so that the headline stays short: its band stands in the table.
function middleText(measured, state) {
  if (measured?.stopped) return "too long to take";
  return measured?.band ? `median ${plain(measured.length)}` : measuredText(measured, state);
}

// A sentence as it goes on after a comma; an abbreviation stays as it is.
const lowered = (text) => text.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());

const examples = ({ batch }) => `${plain(batch)} example${batch === 1 ? "" : "s"}`;

function waitsOf({ state, of }) {
  const gd = of("gd"), egd = of("egd"), { rule, flow } = of("power");
  if (gd?.steps.diverges) return `At η = ${plain(state.step)} gradient descent diverges: its largest stable step is ${plain(largestStep(gd.rule, Math.max(...state.spectrum)))}.`;
  const between = "from its first arrival to its last", cycles = `its steps of ${plain(state.step)} jump over the target and cycle`;
  const waits = gd && `Gradient descent waits ${inSteps(gd.steps)} ${between}`;
  if (!egd) return gd ? `${waits}.` : `With ${nameOf(rule)} the flow waits ${flow.length === 0 ? "for none: all directions arrive together" : `a time of ${plain(flow.length)} ${between}`}.`;
  if (egd.steps.length === Infinity) return gd ? `${waits}. EGD’s flow waits for none, but ${cycles}.` : `EGD’s flow waits for none, but ${cycles}.`;
  const none = egd.steps.length === 0;
  if (gd) return `${waits}; EGD waits ${none ? "for none" : stepsText(egd.steps)}.`;
  return `EGD waits ${none ? "for none: all directions arrive together" : `${inSteps(egd.steps)} ${between}`}.`;
}

function staysOf({ state, of }, measured) {
  const gd = of("gd"), egd = of("egd"), { rule, flow } = of("power"), at = "at 100 % test error";
  if (gd?.steps.diverges) return `At η = ${plain(state.step)} gradient descent diverges.`;
  if (flow.length === 0 && !(gd?.steps.length > 0)) return `From this start there is no plateau: the path is never at 100 % test error.`;
  if (flow.length === 0) return `Gradient descent’s flow is never ${at}; its steps of ${plain(state.step)} are, for ${stepsText(gd.steps)}.`;
  const egdSteps = measured.get("egd")?.length, took = egd && egdSteps >= 0 ? `; its steps of ${plain(state.step)} took ${plain(egdSteps)}` : "";
  const stays = gd && `Gradient descent stays ${at} for ${inSteps(gd.steps)}`;
  if (gd && egd) return `${stays}; EGD’s flow leaves ${sooner(gd.flow.length / egd.flow.length)}, after a time of ${plain(egd.flow.length)}${took}.`;
  if (gd) return `${stays}.`;
  return egd ? `EGD’s flow stays ${at} for a time of ${plain(egd.flow.length)}${took}.` : `With ${nameOf(rule)} the flow stays ${at} for a time of ${plain(flow.length)}.`;
}

// What stands above the panels that change with the model or the rules.
function titles({ state, of }) {
  const regression = isRegression(state), gd = of("gd");
  return {
    "curves-title": regression ? "Error along each direction, rule by rule" : `Test error (line) and training loss (dots)${isNoisy(state) ? " without noise" : ""}, rule by rule`,
    "curves-hint": isNoisy(state) ? `Beside them the test error of ${SEEDS} runs with noise: large dots in the middle of them, a band around 80 %.` : "",
    "phase-title": regression ? "Phase diagram: plateau over α and κ" : gd ? "Phase diagram of gradient descent" : "Phase diagram: plateau in time τ along the path",
    "plane-title": of("newton") ? "Weights: one path for all rules but Newton’s" : "Weights: one path, on each rule’s own clock",
    "steps-head": isNoisy(state) ? "steps of η, no\u00a0noise" : "steps of η",
    "measured-head": isNoisy(state) ? "measured: median (10\u00a0to\u00a090\u00a0%)" : "steps, measured",
    "lengths-hint": `Lines and dots: predicted flows${isNoisy(state) ? ", without noise" : ""}. Rings: steps of η, taken one by one a moment after release, times η${isNoisy(state) ? `; bars hold 80 % of ${SEEDS} runs` : ""}.`,
    "table-title": gd ? "Plateau lengths, and how many times shorter than gradient descent’s" : "Plateau lengths",
  };
}

// Definitions that the picture rests on.
function limits({ state }) {
  const found = [];
  if (isRegression(state)) {
    found.push("The plateau is the time from the first direction’s arrival to the last; every direction starts from the same error.");
    if (state.spectrum.length > MOST_CURVES) found.push(`${MOST_CURVES} of ${state.spectrum.length} directions are drawn; all are counted.`);
  } else found.push("The plateau is the longest run at 100 % test error. With one output the power laws are one path on different clocks.");
  if (isNoisy(state)) found.push(`Predictions are without noise. With noise a run’s plateau has no closed form: its band is measured, on ${SEEDS} runs from the seed.`);
  return [...found, "–: no closed form is derived."].join(" ");
}

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

function tableRows({ state, runs, of }, measured) {
  const whole = of("gd")?.flow.length;
  return runs.map(({ rule, flow, steps }) => {
    const shorter = whole > 0 ? plain(whole / flow.length) : "–";
    const still = isNoisy(state) && !steps ? measured.get(rule.id)?.still : undefined;
    return { rule, cells: [plain(flow.length, 4), shorter, still >= 0 ? `${plain(still)}, measured` : stepsText(steps), measuredText(measured.get(rule.id), state)] };
  });
}

// The power law’s own law with numbers in it.
function lawNumbers({ state, of }, lit = null) {
  const { rule, flow } = of("power"), alpha = `α = ${plain(rule.alpha)}`;
  if (isRegression(state)) {
    const rate = state.spectrum[lit] ?? Math.min(...state.spectrum), which = state.spectrum[lit] ? `Direction ${lit + 1}` : "Smallest singular value";
    return `${which}: λ = ${plain(rate)}, e₀ = ${plain(state.start)}, q = ${plain(state.threshold)}, ${alpha}: t = ${plain(arrivalLaw(rule)(rate, state.start, state.threshold), 4)}. Exact.`;
  }
  const { slow, fast, constant, rate_fast, rate_slow } = foldedParts(state);
  const terms = `${plain(slow)} · exp(−${plain(rate_slow)} τ) ${fast < 0 ? "−" : "+"} ${plain(Math.abs(fast))} · exp(−${plain(rate_fast)} τ) − ${plain(-constant)} ≥ 0`;
  return `Here the boundary is ${terms}; with ${alpha} the clock makes a time of ${plain(flow.length, 4)} of it. Exact, by root and quadrature${isNoisy(state) ? `, without noise. ${of("gd") ? noiseNumbers(state) : ""}` : "."}`;
}

// What is derived with noise, for gradient descent: the mean, the limit of the step, and where it comes to rest.
function noiseNumbers(state) {
  const { epsilon, margin, weight_decay, batch, step } = state, limit = noiseLimit(state);
  const values = [epsilon, margin, weight_decay, batch, step], scatter = [laws.noise_fast, laws.noise_slow].map((law) => plain(Math.sqrt(law(...values))));
  const rest = step < limit ? `they come to rest with standard deviations ${scatter.join(" and ")}` : "their mean square grows without end";
  return `With ${examples(state)} a step, gradient descent’s weights take the same steps in the mean, and ${rest}; in mean square the largest stable step is ${plain(limit)}: exact.`;
}

// A rule's id in Python.
const idOf = (rule) => (rule.id === "power" ? `power:${rule.alpha}` : rule.id);

// A cell that computes the same in Python.
function pythonCell(state, measured) {
  const rules = pythonList(rulesOf(state));
  const model = isRegression(state)
    ? `ef.Regression.from_spectrum([${state.spectrum.join(", ")}], start=${state.start})`
    : `ef.Folded(epsilon=${state.epsilon}, theta=${state.theta}, margin=${state.margin}, weight_decay=${state.weight_decay})`;
  const more = isRegression(state) ? `, threshold=${state.threshold}` : `, start=(${state.u1}, ${state.u2})`;
  return `import evenflow as ef\nmodel = ${model}\nef.figure(ef.compare(model, ${rules}, step=${state.step}${more}))\n${isNoisy(state) ? noiseCell(state, measured) : ""}`;
}

const pythonList = (rules) => `[${rules.map((rule) => `"${idOf(rule)}"`).join(", ")}]`;

// Medians and bands of the rules whose runs with noise the page has the time for; each run twice as long as here.
function noiseCell(state, measured) {
  const settling = rulesOf(state).filter((rule) => settles(rule) && !measured.get(rule.id)?.stopped), times = flows(settling, state);
  const ends = settling.map((rule, i) => measured.get(rule.id)?.taken ?? times[i].last / state.step);
  const short = ends.map((end) => end * state.batch * SEEDS <= MOST_EXAMPLES), count = 2 * Math.ceil(Math.max(500, ...ends.filter((_, i) => short[i])));
  const run = `ef.stochastic_descend(model, rule, ${state.step}, ${state.batch}, model.start((${state.u1}, ${state.u2})), count=${count}, replicas=${SEEDS}, seed=${state.seed})`;
  if (!short.includes(true)) return `# a run with noise would take over ${plain(MOST_EXAMPLES / SEEDS)} examples\n`;
  return [
    `for rule in ${pythonList(settling.filter((_, i) => short[i]))}:  # the random numbers are not those of the page`,
    `    lengths = ${run}.plateaus["${page.plateau}"]`,
    `    print(rule, lengths.median, lengths.interval(${BAND[2] - BAND[0]}))\n`,
  ].join("\n");
}

// Lengths as numbers, empty where none is known. `plateau` is predicted and `measured` counted, both without noise; beside
// them the runs with noise, of so many examples a step.
function csvText({ state, runs }, measured) {
  const lines = runs.flatMap(({ rule, flow, steps }) => {
    const name = idOf(rule), answer = measured.get(rule.id), { length, band } = isNoisy(state) ? (answer ?? {}) : {};
    const counts = [withoutNoise(answer, state), band && length, band?.[0], band?.[1]].map(numberText);
    return [
      [name, "flow", flow.length, "time", "", "", "", "", ""],
      [name, "descent", numberText(steps?.length), "steps", ...counts, isNoisy(state) ? state.batch : ""],
    ].map((cells) => cells.join());
  });
  return ["rule,view,plateau,unit,measured,noisy_median,noisy_low,noisy_high,examples_per_step", ...lines, ""].join("\n");
}

const numberText = (value) => (value >= 0 ? String(value) : "");
