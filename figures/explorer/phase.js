// The phase diagram: log plateau over two parameters, where theory puts an end to it, and the point of the page.

const CELLS = [48, 32], HELD_CELLS = [24, 16], SHADES = 9; // decades
const PHASES = {
  regression: { x: "alpha", y: "condition", across: { low: 0, high: 2, label: "exponent α" }, up: { low: 1, high: 1e8, log: true, label: "condition number κ" } },
  folded: { x: "epsilon", y: "theta", across: { low: 1e-8, high: 1, log: true, label: "variance ε of the second feature" }, up: { low: 0, high: Math.PI / 2, label: "angle θ, radians" } },
};

// The axes, as far up as the state's own condition number.
function phaseOf(state) {
  const phase = PHASES[state.model], high = isRegression(state) ? decades([phase.up.high, state.condition], 0)[1] : phase.up.high;
  return high === phase.up.high ? phase : { ...phase, up: { ...phase.up, high } };
}

const between = ({ low, high, log }, share) => (log ? low * (high / low) ** share : low + (high - low) * share);

// Plateau in flow time at a point of the diagram; null where there is none.
function phaseLength(state, x, y) {
  if (isRegression(state)) {
    const top = Math.max(...state.spectrum);
    return regressionFlow({ id: "power", alpha: x }, { ...state, spectrum: [top, top / y] }).length || null;
  }
  const span = foldedSpan({ ...state, epsilon: Math.min(x, PARAMETERS.epsilon.high), theta: y });
  return span && span[1] - span[0];
}

// Where gradient descent's flow is at 100 % test error, to a thousandth.
function foldedSpan(state) {
  const parts = foldedParts(state);
  return longestInterval(edgeOf(parts, [-parts.rate_slow, -parts.rate_fast]), 1e-3);
}

// Points [x, y] between a plateau and none.
function phaseBoundary(state) {
  const { across, up } = phaseOf(state);
  if (isRegression(state)) return [[1, up.low], [1, up.high]];
  const some = (epsilon) => (theta) => foldedSpan({ ...state, epsilon, theta }) !== null;
  return Array.from({ length: CELLS[0] + 1 }, (_, i) => {
    const epsilon = Math.min(between(across, i / CELLS[0]), PARAMETERS.epsilon.high), inside = some(epsilon), [low, high] = [1e-3, up.high - 1e-3];
    if (inside(low) === inside(high)) return [epsilon, NaN];
    return [epsilon, crossing(inside, inside(low) ? low : high, inside(low) ? high : low, undefined, 1e-3)];
  });
}

// The diagram's picture, made again when what it depends on has changed; coarse while a hand is on a control.
const phaseMap = { key: null };

function takePhaseMap(state) {
  const { x, y, across, up } = phaseOf(state), cells = holding ? HELD_CELLS : CELLS;
  const own = isRegression(state) ? [Math.max(...state.spectrum), state.start, state.threshold] : FOLDED_NAMES.filter((name) => name !== x && name !== y).map((name) => state[name]);
  const key = JSON.stringify([state.model, up.high, own, dark]);
  if (phaseMap.key === key && (phaseMap.cells === CELLS || cells === HELD_CELLS)) return phaseMap;
  const lengths = Array.from({ length: cells[0] * cells[1] }, (_, i) =>
    phaseLength(state, between(across, ((i % cells[0]) + 0.5) / cells[0]), between(up, 1 - (Math.floor(i / cells[0]) + 0.5) / cells[1])),
  );
  const most = Math.ceil(Math.log10(Math.max(1e-99, ...lengths)) - 1e-9);
  const shade = (length) => (length > 0 ? clamp((Math.log10(length) - most) / SHADES + 1, 0, 1) : NaN);
  const ramp = Array.from({ length: 64 }, (_, i) => 1 - i / 63);
  return Object.assign(phaseMap, { key, cells, most, boundary: phaseBoundary(state), map: pixels(lengths.map(shade), cells), ramp: pixels(ramp, [1, 64]) });
}

// Shares as an image, from the ground to a full tone; what is not a number is left open.
function pixels(shares, [width, height]) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height }), context = canvas.getContext("2d");
  const image = context.createImageData(width, height), [from, to] = dark ? [[30, 42, 58], [150, 200, 255]] : [[236, 243, 250], [24, 78, 140]];
  shares.forEach((share, i) => {
    if (!Number.isNaN(share)) image.data.set([...from.map((low, c) => low + share * (to[c] - low)), 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

function drawPhase(plot, { state }) {
  const { x, y, across, up } = phaseOf(state), { map, ramp, most, boundary } = takePhaseMap(state), regression = isRegression(state);
  plot.margin = { top: regression ? 14 : 26, right: 66, bottom: 40, left: 54 };
  plot.begin(across, up);
  const { left, right, top, bottom } = plot.area, picture = { preserveAspectRatio: "none", y: top, height: bottom - top };
  plot.put("map", "image", { ...picture, x: left, width: right - left, href: map });
  plot.put("ramp", "image", { ...picture, x: right + 12, width: 10, href: ramp });
  plot.put("ramp high", "text", { class: "tick", x: right + 27, y: top + 9 * plot.em }, `10${raised(most)}`);
  plot.put("ramp low", "text", { class: "tick", x: right + 27, y: bottom }, `≤10${raised(most - SHADES)}`);
  plot.line("boundary", boundary, { class: "edge", "stroke-width": 2 });
  const name = regression ? { x: round(plot.x(1)) + 6, y: bottom - 8 } : { x: left, y: top - 10 }; // above the frame, where no boundary runs
  plot.put("boundary name", "text", { class: "note halo", ...name }, regression ? "α = 1: none" : "open: no plateau");
  const at = [clamp(state[x], across.low, across.high), clamp(state[y], up.low, up.high)];
  plot.put("here", "circle", {
    class: "here", r: 8, cx: round(plot.x(at[0])), cy: round(plot.y(at[1])), role: "slider", tabindex: 0, "aria-label": `point of the phase diagram: ${across.label} and ${up.label}`,
    "aria-valuemin": DECIMALS.format(across.low), "aria-valuemax": DECIMALS.format(across.high), "aria-valuenow": DECIMALS.format(at[0]), "aria-valuetext": `${plain(at[0])} and ${plain(at[1])}`,
  });
  const here = plot.elements.get("here").element;
  if (here !== plot.svg.lastChild) plot.svg.append(here);
  plot.end();
}

// Takes the page to a point of the diagram, as far as both parameters reach.
function movePhase(shares) {
  const { x, y, across, up } = phaseOf(state), values = [between(across, shares[0]), between(up, shares[1])];
  for (const [name, value] of [[x, values[0]], [y, values[1]]]) {
    const { low, high, grain } = PARAMETERS[name];
    set(name, clamp(grain ? Math.round(value / grain) * grain : Number(value.toPrecision(3)), low, high));
  }
}

// The same as shares of the diagram, from its lower left corner.
function phaseShares() {
  const { x, y, across, up } = phaseOf(state), share = ({ low, high, log }, value) => (log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
  return [share(across, state[x]), share(up, state[y])];
}

const NUDGES = { ArrowLeft: [-0.02, 0], ArrowRight: [0.02, 0], ArrowDown: [0, -0.02], ArrowUp: [0, 0.02] };

function phaseEvents() {
  const svg = $("phase");
  let dragged = false;
  const follow = (event) => {
    const { left, right, top, bottom } = plots.phase.area, box = svg.getBoundingClientRect();
    movePhase([clamp((event.clientX - box.left - left) / (right - left), 0, 1), clamp((bottom - event.clientY + box.top) / (bottom - top), 0, 1)]);
  };
  svg.addEventListener("pointerdown", (event) => {
    if (event.button || !event.isPrimary) return;
    dragged = true;
    takeHold();
    svg.setPointerCapture(event.pointerId);
    plots.phase.elements.get("here").element.focus({ preventScroll: true });
    follow(event);
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => dragged && follow(event));
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
    svg.addEventListener(end, () => {
      if (dragged) commit();
      dragged = false;
    });
  svg.addEventListener("keydown", (event) => {
    const nudge = NUDGES[event.key];
    if (!nudge || event.altKey || event.ctrlKey || event.metaKey) return;
    movePhase(phaseShares().map((share, i) => clamp(share + nudge[i], 0, 1)));
    commit();
    event.preventDefault();
  });
}
