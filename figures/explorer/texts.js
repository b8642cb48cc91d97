// What is taken along as text: a Python cell, and numbers.

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

const numberText = (value) => (value !== null && value >= 0 ? String(value) : "");
