// The panels: each draws one picture of the state and of the numbers found for it.

const LEVELS = 30, GRID = 60, PATH_POINTS = 140;
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const held = new Map(); // ranges of axes, which only grow while a hand is on a control
let holding = false, dark = false;

// A range for an axis; while a hand is on a control the one before, if it has room for what is needed.
function hold(key, range, needed = range) {
  const before = held.get(key);
  const kept = holding && before ? [Math.min(needed[0], before[0]), Math.max(needed[1], before[1])] : range;
  held.set(key, kept);
  return kept;
}

// A colour that can be read as text on the page's ground.
function readable(colour) {
  const toward = dark ? 255 : 0, share = dark ? 0.3 : 0.42;
  const channels = [1, 3, 5].map((i) => Math.round(parseInt(colour.slice(i, i + 2), 16) * (1 - share) + toward * share));
  return `rgb(${channels.join(" ")})`;
}

function directionColour(index, count) {
  const place = count > 1 ? 1 - index / (count - 1) : 1;
  return page.directions[Math.round(place * (page.directions.length - 1))];
}

const shortName = (rule) => (rule.id === "power" ? `α = ${plain(rule.alpha)}` : rule.short);

// ---- spectrum

function drawSpectrum(plot, { state }) {
  const { spectrum } = state, count = spectrum.length;
  const shown = [spectrum, focused, holding, plot.width, plot.height];
  if (plot.shown?.every((part, i) => part === shown[i])) return;
  plot.shown = shown;
  plot.margin = { top: 14, right: 22, bottom: 40, left: 54 };
  const [low, high] = hold("spectrum", padded(decades(spectrum)), [Math.min(...spectrum), Math.max(...spectrum)]);
  const name = (tick) => (Number.isInteger(tick) ? plain(tick) : "");
  plot.begin({ low: 0.5, high: count + 0.5, label: "direction i", name }, { low, high, log: true, label: "singular value λᵢ" });
  const radius = count <= 24 ? 7 : count <= 100 ? 4 : 2.5;
  spectrum.forEach((value, i) => {
    const x = round(plot.x(i + 1)), y = round(plot.y(value)), fill = directionColour(i, count);
    if (count <= 100) plot.put(`stem${i}`, "path", { d: `M${x} ${plot.area.bottom}V${y}`, stroke: fill, "stroke-width": 2, opacity: 0.5 });
    plot.put(`p${i}`, "circle", {
      class: "handle", cx: x, cy: y, r: radius, fill, "data-i": i, role: "slider", tabindex: i === Math.min(focused, count - 1) ? 0 : -1,
      "aria-orientation": "vertical", "aria-label": `singular value ${i + 1} of ${count}`, "aria-valuemin": low, "aria-valuemax": high,
      "aria-valuenow": value, "aria-valuetext": plain(value),
    });
  });
  plot.end();
}

const padded = ([low, high]) => [low / 10, high * (high > 1 ? 1 : 10)];

// ---- plateau length against the spectrum

function drawLengths(plot, { state, runs }, measured) {
  const regression = isRegression(state), top = Math.max(...(regression ? state.spectrum : [1]));
  const now = regression ? conditionOf(state.spectrum) : state.epsilon;
  const [low, high] = hold("across", regression ? [1, Math.max(1e4, decades([now])[1])] : [1e-8, 1]);
  const last = regression ? high : PARAMETERS.epsilon.high;
  const at = Array.from({ length: GRID }, (_, i) => low * (last / low) ** ((i + (regression ? 1 : 0)) / (GRID - (regression ? 0 : 1))));
  const lines = lengthLines(runs.map(({ rule }) => rule), state, at, (x) => (regression ? { spectrum: [top, top / x] } : { epsilon: x }));
  plot.margin = { top: 14, right: 66, bottom: 40, left: 54 };
  const [below, above] = hold("lengths", decades([...lines.flat().map(([, y]) => y), ...runs.map(({ flow }) => flow.length)]));
  const label = regression ? "condition number κ" : "variance ε of the second feature";
  plot.begin({ low, high, log: true, label }, { low: below, high: above, log: true, label: "plateau, flow time t", zero: true });
  plot.put("now", "path", { class: "now", d: `M${round(plot.x(clamp(now, low, high)))} ${plot.area.top}V${plot.area.bottom}` });
  runs.forEach(({ rule }, i) =>
    plot.line(`l${rule.id}`, lines[i], { stroke: rule.colour, "stroke-width": rule.id === "power" ? 3 : 2, "stroke-dasharray": DASHES[rule.id] ?? "none" }),
  );
  for (const { rule, flow } of runs)
    plot.put(`d${rule.id}`, "circle", { class: "dot", r: 4.5, fill: rule.colour, cx: round(plot.x(clamp(now, low, high))), cy: round(plot.level(flow.length)) });
  for (const { rule } of runs) {
    const length = measured.get(rule.id)?.length * state.step;
    if (Number.isFinite(length) && length <= above && (length === 0 || length >= below))
      plot.put(`m${rule.id}`, "circle", { class: "ring", r: 8, stroke: rule.colour, cx: round(plot.x(clamp(now, low, high))), cy: round(plot.level(length)) });
  }
  plot.sideLabels(
    runs.map(({ rule }, i) => ({ key: rule.id, text: shortName(rule), colour: readable(rule.colour), y: plot.level(lines[i][GRID - 1][1]) })),
    plot.area.right + 6,
  );
  plot.end();
  describe(plot, runs.map(({ rule, flow }) => `${shortName(rule)}: ${plain(flow.length)}`).join("; ") + `, at ${regression ? "κ" : "ε"} = ${plain(now)}`);
}

const drawnLines = new Map();

// Points [x, length] of each rule; a line is computed again when what it depends on has changed.
function lengthLines(rules, state, at, settings) {
  const depends = isRegression(state) ? [at, settings(1).spectrum, state.start, state.threshold] : FOLDED_NAMES.map((name) => state[name]);
  const keys = rules.map((rule) => JSON.stringify([state.model, rule.alpha, depends]));
  const changed = rules.filter((rule, i) => drawnLines.get(rule.id)?.key !== keys[i]);
  const lengths = changed.length ? at.map((x) => flows(changed, { ...state, ...settings(x) }, DRAWN).map(({ length }) => length)) : [];
  changed.forEach((rule, i) => drawnLines.set(rule.id, { key: keys[rules.indexOf(rule)], points: at.map((x, j) => [x, lengths[j][i]]) }));
  return rules.map((rule) => drawnLines.get(rule.id).points);
}

const FOLDED_NAMES = ["theta", "margin", "weight_decay", "u1", "u2"];
const DASHES = { power: "7 4", newton: "2 4" };

function describe(plot, text) {
  plot.svg.setAttribute("aria-label", text);
}

// ---- curves, three rules side by side

const SIDE_BY_SIDE = ["gd", "power", "egd"];

function drawCurves(plots, all) {
  const runs = SIDE_BY_SIDE.map(all.of), draw = isRegression(all.state) ? drawErrors : drawTestErrors;
  draw(plots, runs, all.state);
}

function title(plot, { rule }) {
  const text = rule.id === "power" ? `power law, α = ${plain(rule.alpha)}` : rule.label;
  plot.put("title", "text", { class: "name", x: plot.area.left, y: 14, fill: readable(rule.colour) }, text);
}

// From the beginning to the end of a plateau, at a height in pixels, with its length above.
function bracket(plot, flow, low, height, text) {
  const [a, b] = [flow.first, flow.last].map((time) => round(plot.x(Math.max(time, low))));
  plot.put("bracket", "path", { class: "bracket", d: `M${a} ${height - 5}v10M${b} ${height - 5}v10M${a} ${height}H${b}` });
  const reach = 4 * text.length, { left, right } = plot.area;
  plot.put("length", "text", { class: "note halo", x: round(clamp((a + b) / 2, left + reach, right - reach)), y: height - 9, "text-anchor": "middle" }, text);
}

// Shares of the error from 1 down, close together where a curve leaves 1.
function errorLevels(lowest) {
  const leaving = Array.from({ length: LEVELS / 2 }, (_, i) => 1 - 1e-3 * 400 ** (i / (LEVELS / 2)));
  const from = leaving[leaving.length - 1];
  return [1, ...leaving, ...Array.from({ length: LEVELS }, (_, i) => from * (lowest / from) ** ((i + 1) / LEVELS))];
}

function drawErrors(plots, runs, state) {
  const { spectrum, start, threshold } = state, count = spectrum.length;
  const shown = Math.min(count, MOST_CURVES);
  const picked = Array.from({ length: shown }, (_, i) => (shown > 1 ? Math.round((i * (count - 1)) / (shown - 1)) : 0));
  const lowest = threshold / 6, levels = errorLevels(lowest);
  const ends = runs.flatMap(({ flow }) => [flow.first / 30, flow.last * 1.2]);
  const [low, high] = hold("times", decades(ends));
  plots.forEach((plot, place) => {
    const run = runs[place];
    plot.margin = { top: 26, right: 10, bottom: 40, left: 54 };
    plot.begin({ low, high, log: true, label: "flow time t" }, { low: lowest, high: 1.6, log: true, label: "error left, |e|/e₀" });
    title(plot, run);
    plot.put("threshold", "path", { class: "now", d: `M${plot.area.left} ${round(plot.y(threshold))}H${plot.area.right}` });
    const arrival = arrivalLaw(run.rule);
    for (const i of picked) {
      const points = levels.map((q) => [Math.max(low, arrival(spectrum[i], start, q)), q]);
      plot.line(`e${i}`, points, { stroke: directionColour(i, count), "stroke-width": shown > 24 ? 1 : 2 });
    }
    const none = run.flow.length === 0;
    bracket(plot, run.flow, low, round(plot.y(threshold)), none ? `all at ${plain(run.flow.last, 4)}` : `plateau ${plain(run.flow.length, 4)}`);
    plot.end();
    describe(plot, `${run.rule.label}: first arrival at flow time ${plain(run.flow.first)}, last at ${plain(run.flow.last)}`);
  });
}

// Places τ along gradient descent's path, and the weights there.
function pathOf(state) {
  const parts = foldedParts(state), { rate_fast, rate_slow, error_fast, error_slow } = parts;
  const [begin, end] = [1e-3 / rate_fast, 30 / rate_slow];
  const places = [0, ...Array.from({ length: PATH_POINTS }, (_, i) => begin * (end / begin) ** (i / (PATH_POINTS - 1)))];
  const rest = [state.u1 - error_fast, state.u2 - error_slow];
  const weights = places.map((tau) => [rest[0] + error_fast * laws.left(rate_fast, tau), rest[1] + error_slow * laws.left(rate_slow, tau)]);
  return { parts, places, weights, rest };
}

function drawTestErrors(plots, runs, state) {
  const { parts, places, weights } = pathOf(state);
  const errors = weights.map(([w1, w2]) => laws.test_error(w1, w2, state.epsilon, state.theta));
  const moving = errors.findLastIndex((error) => error > 1e-3);
  const curves = runs.map(({ rule }) => clockTimes(rule.alpha, parts, places, DRAWN));
  const [low, high] = hold("folded times", decades(curves.flatMap((times) => [times[1] * 10, times[Math.min(moving + 2, PATH_POINTS)]])));
  plots.forEach((plot, place) => {
    const run = runs[place];
    plot.margin = { top: 44, right: 10, bottom: 40, left: 54 };
    plot.begin({ low, high, log: true, label: "flow time t" }, { low: 0, high: 1, label: "test error", name: (tick) => `${Math.round(100 * tick)} %` });
    title(plot, run);
    const points = curves[place].map((time, i) => [Math.max(time, low), errors[i]]).filter(([time]) => time <= high);
    if (points.length) points.push([high, points[points.length - 1][1]]);
    plot.line("error", points, { stroke: run.rule.colour, "stroke-width": 2 });
    if (run.flow.length > 0) bracket(plot, run.flow, low, plot.area.top - 3, `100 % for ${plain(run.flow.length, 4)}`);
    plot.end();
    describe(plot, `${run.rule.label}: test error 100 % for a flow time of ${plain(run.flow.length)}`);
  });
}

// ---- the plane of the folded model's weights

function drawPlane(plot, { state, of }) {
  const { weights, rest } = pathOf(state);
  const ends = [[0, 0], [state.u1, state.u2], rest], [across, up] = [0, 1].map((i) => hold(`w${i}`, roomy([...weights, ...ends].map((w) => w[i]))));
  plot.margin = { top: 14, right: 14, bottom: 40, left: 54 };
  plot.begin({ low: across[0], high: across[1], label: "first weight w₁" }, { low: up[0], high: up[1], label: "second weight w₂" });
  const far = 1000 * Math.max(...across.map(Math.abs), ...up.map(Math.abs)), { left, right, top, bottom } = plot.area;
  const corner = ([x, y]) => `${round(clamp(plot.x(x), -1e6, 1e6))} ${round(clamp(plot.y(y), -1e6, 1e6))}`;
  const edge = [far * Math.cos(state.theta), far * Math.sin(state.theta)];
  const clip = plot.put("clip", "clipPath", { id: "plane-clip" });
  if (!clip.firstChild) clip.append(document.createElementNS(SVG, "rect"));
  for (const [name, value] of Object.entries({ x: left, y: top, width: right - left, height: bottom - top })) clip.firstChild.setAttribute(name, value);
  plot.put("region", "path", { class: "region", "clip-path": "url(#plane-clip)", d: `M${corner([0, 0])}L${corner(edge)}L${corner([0, far])}L${corner([-far, far])}L${corner([-far, 0])}Z` });
  plot.put("edge", "path", { class: "edge", "clip-path": "url(#plane-clip)", d: `M${corner([-far, 0])}L${corner([0, 0])}L${corner(edge)}` });
  plot.line("newton", [[state.u1, state.u2], rest], { stroke: of("newton").rule.colour, "stroke-width": 2, "stroke-dasharray": DASHES.newton });
  plot.line("path", weights, { stroke: of("gd").rule.colour, "stroke-width": 2.5 });
  const [sx, sy, ex, ey] = [plot.x(state.u1), plot.y(state.u2), plot.x(rest[0]), plot.y(rest[1])].map(round);
  plot.put("from", "circle", { class: "dot", r: 5, fill: of("gd").rule.colour, cx: sx, cy: sy });
  plot.put("to", "path", { class: "bracket", d: `M${ex - 5} ${ey - 5}l10 10M${ex - 5} ${ey + 5}l10 -10` });
  plot.put("start name", "text", { class: "note halo", x: sx + (sx > right - 60 ? -9 : 9), y: sy + 4, "text-anchor": sx > right - 60 ? "end" : "start" }, "start");
  plot.put("end name", "text", { class: "note halo", x: ex + (ex > right - 80 ? -9 : 9), y: ey - 8, "text-anchor": ex > right - 80 ? "end" : "start" }, "minimum");
  plot.put("region name", "text", { class: "note halo", x: left + 8, y: top + 16 }, "shaded: 100 % test error");
  plot.end();
  describe(plot, `Weights from (${plain(state.u1)}, ${plain(state.u2)}) to (${plain(rest[0])}, ${plain(rest[1])})`);
}

function roomy(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)], room = 0.15 * (high - low || 1);
  return [low - room, high + room];
}
