// The panels: each draws one picture of the state and of the numbers found for it.

const GRID = 60; // places along a line
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

// A colour mixed with the ink of the theme by a share.
function mixed(colour, share) {
  const toward = dark ? 255 : 0;
  const channels = [1, 3, 5].map((i) => Math.round(parseInt(colour.slice(i, i + 2), 16) * (1 - share) + toward * share));
  return `rgb(${channels.join(" ")})`;
}

// A colour that can be read as text on the page's ground.
const readable = (colour) => mixed(colour, dark ? 0.3 : 0.42);

const onDark = new Map(); // the dark end of the directions' colours, lifted off a dark ground

function directionColour(index, count) {
  const place = count > 1 ? 1 - index / (count - 1) : 1, colour = page.directions[Math.round(place * (page.directions.length - 1))];
  if (!dark) return colour;
  if (!onDark.has(colour)) onDark.set(colour, mixed(colour, 0.3 * place));
  return onDark.get(colour);
}

// ---- plateau length against the spectrum

function drawLengths(plot, { state, runs }, measured) {
  const regression = isRegression(state), placed = runs.filter(({ flow }) => flow.length !== null), top = Math.max(...(regression ? state.spectrum : [1]));
  const now = regression ? conditionOf(state.spectrum) : state.epsilon;
  const [low, high] = hold("across", regression ? [1, Math.max(1e4, decades([now])[1])] : [1e-8, 1]);
  const last = regression ? high : PARAMETERS.epsilon.high;
  const at = Array.from({ length: GRID }, (_, i) => low * (last / low) ** ((i + (regression ? 1 : 0)) / (GRID - (regression ? 0 : 1))));
  const lines = lengthLines(runs.map(({ rule }) => rule), state, at, (x) => (regression ? { spectrum: [top, top / x] } : { epsilon: x }));
  plot.margin = { top: 14, right: 66, bottom: 40, left: 54 };
  const [below, above] = hold("lengths", decades([...lines.flat().map(([, y]) => y), ...placed.map(({ flow }) => flow.length)]));
  const label = regression ? "condition number κ" : "variance ε of the second feature";
  plot.begin({ low, high, log: true, label }, { low: below, high: above, log: true, label: "plateau, flow time t", zero: true });
  plot.put("now", "path", { class: "now", d: `M${round(plot.x(clamp(now, low, high)))} ${plot.area.top}V${plot.area.bottom}` });
  runs.forEach(({ rule }, i) =>
    plot.line(`l${rule.id}`, lines[i], { stroke: rule.colour, "stroke-width": rule.id === "power" ? 3 : 2, "stroke-dasharray": DASHES[rule.id] ?? "none" }),
  );
  for (const { rule, flow } of placed)
    plot.put(`d${rule.id}`, "circle", { class: "dot", r: 4.5, fill: rule.colour, cx: round(plot.x(clamp(now, low, high))), cy: round(plot.level(flow.length)) });
  const seen = (length) => Number.isFinite(length) && length <= above && (length === 0 || length >= below);
  for (const { rule } of placed) {
    const { length: count, band } = measured.get(rule.id) ?? {}, length = count * state.step, ends = band?.map((end) => end * state.step);
    if (ends?.every(seen)) plot.line(`b${rule.id}`, ends.map((end) => [clamp(now, low, high), end]), { class: "band", stroke: rule.colour });
    if (seen(length))
      plot.put(`m${rule.id}`, "circle", { class: "ring", r: 8, stroke: rule.colour, cx: round(plot.x(clamp(now, low, high))), cy: round(plot.level(length)) });
  }
  plot.sideLabels(
    runs.map(({ rule }, i) => ({ key: rule.id, text: nameOf(rule), colour: readable(rule.colour), y: plot.level(lines[i][GRID - 1][1]) })),
    plot.area.right + 6,
  );
  plot.end();
  const runsWithNoise = (band) => (band ? `, runs with noise ${band.map((end) => plain(end * state.step)).join(" to ")}` : "");
  describe(plot, runs.map(({ rule, flow }) => `${nameOf(rule)}: ${lengthText(flow.length)}${runsWithNoise(measured.get(rule.id)?.band)}`).join("; ") + `, at ${regression ? "κ" : "ε"} = ${plain(now)}`);
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
const DASHES = { power: "7 4", ngd: "10 3 2 3", newton: "2 4" };

function describe(plot, text) {
  plot.svg.setAttribute("aria-label", text);
}

// ---- one direction lit in every panel

let lit = null;

function light(i) {
  if (i === lit) return;
  for (const plot of Object.values(plots))
    for (const name of ["stem", "p", "e", "arrival"])
      for (const [at, on] of [[lit, false], [i, true]]) plot.elements.get(`${name}${at}`)?.element.classList.toggle("lit", on);
  lit = i;
  if (drawn) showLaw(found(state));
}
