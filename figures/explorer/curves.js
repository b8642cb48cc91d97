// Errors over flow time: of each direction, or of the test set, rule beside rule, and all in one picture.

const LEVELS = 30, PATH_POINTS = 140, TIMES = 80, LUMPS = 60;
const CURVES = ["curve0", "curve1", "curve2", "curve3", "curve4"];

function drawCurves(all, measured) {
  const beside = all.runs.map((_, i) => plots[CURVES[i]]);
  if (!isRegression(all.state)) return drawTestErrors(beside, all.runs, all.state, measured);
  drawErrors(beside, all.runs, all.state, measured);
  drawTotals(plots.totals, all.runs, all.state);
}

// As many pictures as there are rules in sight.
function showCurves() {
  const count = rulesOf(state).length;
  CURVES.forEach((id, i) => $(id).toggleAttribute("hidden", i >= count));
  $("multiples").dataset.count = count;
}

// The time at which the panels look, where it is in sight.
function timeLine(plot, { time }, low, high) {
  if (time >= low && time <= high) plot.put("time", "path", { class: "time", d: `M${round(plot.x(time))} ${plot.area.top}V${plot.area.bottom}` });
}

// A run that a notebook gave, over the test errors.
function drawOverlay(plot, low, high) {
  const points = host.overlay().filter(([time]) => time >= low && time <= high);
  if (points.length) plot.line("overlay", points, { class: "overlay" });
}

function title(plot, { rule }) {
  const text = rule.id === "power" ? `power law, α = ${plain(rule.alpha)}` : rule.label;
  plot.put("title", "text", { class: "name", x: plot.area.left, y: 14 * plot.em, fill: readable(rule.colour) }, text);
}

// From the beginning to the end of a plateau, at a height in pixels, with its length above.
function bracket(plot, flow, low, height, text) {
  const [a, b] = [flow.first, flow.last].map((time) => round(plot.x(Math.max(time, low))));
  plot.put("bracket", "path", { class: "bracket", d: `M${a} ${height - 5}v10M${b} ${height - 5}v10M${a} ${height}H${b}` });
  const reach = 4 * plot.em * text.length, { left, right } = plot.area;
  plot.put("length", "text", { class: "note halo", x: round(clamp((a + b) / 2, left + reach, right - reach)), y: height - 9, "text-anchor": "middle" }, text);
}

// Shares of the error from 1 down, close together where a curve leaves 1.
function errorLevels(lowest) {
  const leaving = Array.from({ length: LEVELS / 2 }, (_, i) => 1 - 1e-3 * 400 ** (i / (LEVELS / 2)));
  const from = leaving[leaving.length - 1];
  return [1, ...leaving, ...Array.from({ length: LEVELS }, (_, i) => from * (lowest / from) ** ((i + 1) / LEVELS))];
}

function drawErrors(plots, runs, state, measured) {
  const { spectrum, start, threshold } = state, count = spectrum.length;
  const shown = Math.min(count, MOST_CURVES);
  const picked = Array.from({ length: shown }, (_, i) => (shown > 1 ? Math.round((i * (count - 1)) / (shown - 1)) : 0));
  const lowest = threshold / 6, levels = errorLevels(lowest);
  const ends = runs.flatMap(({ flow }) => [flow.first / 30, flow.last * 1.2]);
  const [low, high] = hold("times", decades(ends));
  plots.forEach((plot, place) => {
    const run = runs[place];
    plot.margin = { top: 26, right: 14, bottom: 40, left: 54 };
    plot.begin({ low, high, log: true, label: "flow time t" }, { low: lowest, high: 1.6, log: true, label: "error left, |e|/e₀" });
    title(plot, run);
    plot.put("threshold", "path", { class: "now", d: `M${plot.area.left} ${round(plot.y(threshold))}H${plot.area.right}` });
    const arrival = arrivalLaw(run.rule);
    for (const i of picked) {
      const points = levels.map((q) => [Math.max(low, arrival(spectrum[i], start, q)), q]);
      plot.line(`e${i}`, points, { stroke: directionColour(i, count), "stroke-width": shown > 24 ? 1 : 2, "data-i": i });
      const at = round(plot.x(Math.max(low, arrival(spectrum[i], start, threshold))));
      plot.put(`arrival${i}`, "path", { class: "arrival", d: `M${at} ${plot.area.bottom}v-7`, stroke: directionColour(i, count) });
    }
    rings(plot, measured.get(run.rule.id), state, picked, [low, high]);
    timeLine(plot, state, low, high);
    const none = !(run.flow.length > 0);
    bracket(plot, run.flow, low, round(plot.y(threshold)), none ? `${count > 1 ? "all at" : "at"} ${plain(run.flow.last, 4)}` : `plateau ${plain(run.flow.length, 4)}`);
    plot.end();
    describe(plot, `${run.rule.label}: first arrival at flow time ${plain(run.flow.first)}, last at ${plain(run.flow.last)}`);
  });
}

// Measured arrivals of the directions drawn, on the threshold.
function rings(plot, found, { spectrum, threshold, step }, picked, [low, high]) {
  const counts = new Map(found?.arrivals ?? []);
  for (const i of picked) {
    const time = counts.get(spectrum[i]) * step;
    if (time >= low && time <= high)
      plot.put(`ring${i}`, "circle", { class: "ring", r: 4.5, stroke: directionColour(i, spectrum.length), cx: round(plot.x(time)), cy: round(plot.y(threshold)) });
  }
}

// What is left of a direction's error at a flow time.
function errorLaw(rule) {
  const id = named(rule), error = laws[`error_${id}`], extinction = laws[`extinction_${id}`];
  return (time, rate, e0) => (time >= extinction(rate, e0, rule.alpha) ? 0 : error(time, rate, e0, rule.alpha));
}

// A spectrum in groups of nearly equal values, [value, how many]; a line drawn from them is the same to a pixel.
function lumped(spectrum) {
  if (spectrum.length <= LUMPS) return spectrum.map((rate) => [rate, 1]);
  const low = Math.log(Math.min(...spectrum)), width = (Math.log(Math.max(...spectrum)) - low) / LUMPS || 1, groups = new Map();
  for (const rate of spectrum) {
    const key = Math.floor((Math.log(rate) - low) / width), [sum, count] = groups.get(key) ?? [0, 0];
    groups.set(key, [sum + rate, count + 1]);
  }
  return [...groups.values()].map(([sum, count]) => [sum / count, count]);
}

// Training loss and test error (on inputs of unit covariance) at a time, as shares of what they were.
function totals(rule, state, groups) {
  const error = errorLaw(rule);
  const sum = (left) => {
    let train = 0, test = 0;
    for (const [rate, count] of groups) {
      const e = left(rate);
      train += count * laws.train_term(rate, e);
      test += count * laws.train_term(1, e);
    }
    return [train, test];
  };
  const [train, test] = sum(() => state.start);
  return (time) => {
    const [now, then] = sum((rate) => error(time, rate, state.start));
    return [now / train, then / test];
  };
}

function drawTotals(plot, runs, state) {
  const [low, high] = held.get("times"), times = Array.from({ length: TIMES }, (_, i) => low * (high / low) ** (i / (TIMES - 1)));
  plot.margin = { top: 14, right: 14, bottom: 40, left: 54 };
  plot.begin({ low, high, log: true, label: "flow time t" }, { low: 0, high: 1.05, label: "share of the start", name: percent });
  timeLine(plot, state, low, high);
  const groups = lumped(state.spectrum);
  for (const { rule } of runs) {
    const found = times.map(totals(rule, state, groups)), style = { stroke: rule.colour, "stroke-width": 2 };
    plot.line(`train${rule.id}`, times.map((time, i) => [time, found[i][0]]), { ...style, "stroke-dasharray": "2 3" });
    plot.line(`test${rule.id}`, times.map((time, i) => [time, found[i][1]]), style);
  }
  drawOverlay(plot, low, high);
  plot.end();
  describe(plot, `Share left at flow time ${plain(state.time)}: ${readings(runs, state)}`);
}

const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

// What the time line reads, rule by rule.
function readings(runs, state) {
  const groups = isRegression(state) ? lumped(state.spectrum) : null;
  const test = ({ rule }) => (!groups ? laws.test_error(...weightsAt(rule, state, state.time), state.epsilon, state.theta) : totals(rule, state, groups)(state.time)[1]);
  return runs.map((run) => `${nameOf(run.rule)} ${percent(test(run))}`).join(", ");
}
