// The spectrum: its points, and how a hand moves them.

const MANY = 100; // directions, beyond which a point has no element of its own

function drawSpectrum(plot, { state }) {
  const { spectrum } = state, count = spectrum.length;
  const shown = [spectrum, focused, holding, dark, plot.width, plot.height, plot.em];
  if (plot.shown?.every((part, i) => part === shown[i])) return;
  plot.shown = shown;
  plot.margin = { top: 14, right: 22, bottom: 40, left: 54 };
  const [low, high] = hold("spectrum", padded(decades(spectrum)), [Math.min(...spectrum), Math.max(...spectrum)]);
  const name = (tick) => (Number.isInteger(tick) ? plain(tick) : "");
  plot.begin({ low: 0.5, high: count + 0.5, label: "direction i", name }, { low, high, log: true, label: "singular value λᵢ" });
  const place = (i) => [round(plot.x(i + 1)), round(plot.y(spectrum[i]))];
  if (count <= MANY) spectrum.forEach((_, i) => stem(plot, i, count, place(i)));
  else dots(plot, count, place);
  const handles = count <= MANY ? spectrum.keys() : [Math.min(focused, count - 1)];
  for (const i of handles) handle(plot, i, spectrum, place(i), count <= 24 ? 7 : 4, [low, high]);
  plot.end();
}

function stem(plot, i, count, [x, y]) {
  plot.put(`stem${i}`, "path", { d: `M${x} ${plot.area.bottom}V${y}`, stroke: directionColour(i, count), "stroke-width": 2, opacity: 0.5 });
}

// Many directions are one path a colour; only the one that the keyboard holds is an element of its own.
function dots(plot, count, place) {
  const paths = new Map();
  for (let i = 0; i < count; i++) {
    const [x, y] = place(i), colour = directionColour(i, count);
    paths.set(colour, `${paths.get(colour) ?? ""}M${x} ${y}h0`);
  }
  for (const [colour, d] of paths) plot.put(`dots${colour}`, "path", { class: "dots", d, stroke: colour });
}

function handle(plot, i, spectrum, [cx, cy], r, [low, high]) {
  const count = spectrum.length, value = spectrum[i];
  plot.put(`p${i}`, "circle", {
    class: "handle", cx, cy, r, fill: directionColour(i, count), "data-i": i, role: "slider",
    tabindex: i === Math.min(focused, count - 1) ? 0 : -1, "aria-orientation": "vertical",
    "aria-label": `singular value ${i + 1} of ${count}`, "aria-valuemin": DECIMALS.format(low), "aria-valuemax": DECIMALS.format(high),
    "aria-valuenow": DECIMALS.format(value), "aria-valuetext": plain(value),
  });
}

const padded = ([low, high]) => [low / 10, high * (high > 1 ? 1 : 10)];

// ---- under the hand

function moveDirection(i, value) {
  const spectrum = [...state.spectrum], [low, high] = held.get("spectrum");
  spectrum[i] = clamp(Number(clamp(value, low, high).toPrecision(3)), SMALLEST, LARGEST);
  own(spectrum);
}

// Takes a spectrum of one's own, in the order in which it stands, so that a point in the hand stays where it is.
function own(spectrum) {
  state = { ...state, shape: "own", spectrum, directions: spectrum.length, condition: conditionOf(spectrum) };
  redraw();
}

function valueAt(event) {
  const { top, bottom } = plots.spectrum.area, [low, high] = held.get("spectrum");
  const share = (bottom - (event.clientY - $("spectrum").getBoundingClientRect().top)) / (bottom - top);
  return low * (high / low) ** share;
}

function spectrumEvents() {
  const svg = $("spectrum");
  let dragged = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button || !event.isPrimary) return;
    dragged = directionAt(event);
    svg.setPointerCapture(event.pointerId);
    takeHold();
    focusOn(dragged, { preventScroll: true });
    moveDirection(dragged, valueAt(event));
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => dragged !== null && moveDirection(dragged, valueAt(event)));
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
    svg.addEventListener(end, () => {
      if (dragged !== null) commit();
      dragged = null;
    });
  svg.addEventListener("keydown", (event) => {
    const i = Number(event.target.dataset?.i);
    if (!Number.isInteger(i) || event.altKey || event.ctrlKey || event.metaKey) return;
    if (dragged !== null || spectrumKey(event.key, i)) {
      event.preventDefault();
      event.stopPropagation();
    }
  });
  svg.parentElement.addEventListener("focusin", (event) => (focused = Number(event.target.dataset?.i ?? focused)));
}

// A direction under the pointer or in the keyboard's hand is lit wherever it is drawn. Focus is heard one element
// further out: a browser makes a tab stop of every SVG that listens for it.
function lightEvents() {
  const svg = $("spectrum"), around = svg.parentElement;
  svg.addEventListener("pointermove", (event) => light(directionAt(event)));
  around.addEventListener("focusin", (event) => light(Number(event.target.dataset?.i ?? focused)));
  for (const id of CURVES) $(id).addEventListener("pointerover", (event) => light(event.target.dataset?.i === undefined ? null : Number(event.target.dataset.i)));
  around.addEventListener("focusout", () => light(null));
  for (const id of ["spectrum", ...CURVES]) $(id).addEventListener("pointerleave", () => light(null));
}

function directionAt(event) {
  const { left, right } = plots.spectrum.area, x = event.clientX - $("spectrum").getBoundingClientRect().left;
  return clamp(Math.floor(((x - left) / (right - left)) * state.spectrum.length), 0, state.spectrum.length - 1);
}

const FACTORS = { ArrowUp: 10 ** 0.05, ArrowDown: 10 ** -0.05, PageUp: 10, PageDown: 0.1 };

// Whether a key did something to direction i.
function spectrumKey(key, i) {
  const { spectrum } = state, count = spectrum.length;
  if (FACTORS[key]) moveDirection(i, spectrum[i] * FACTORS[key]);
  else if (key === "ArrowLeft" || key === "ArrowRight") return focusOn(clamp(i + (key === "ArrowLeft" ? -1 : 1), 0, count - 1));
  else if (key === "Home" || key === "End") return focusOn(key === "Home" ? 0 : count - 1);
  else if ((key === "Insert" || key === "+") && count < MOST_DIRECTIONS) own(spectrum.toSpliced(i + 1, 0, spectrum[i]));
  else if ((key === "Delete" || key === "-") && count > 1) own(spectrum.toSpliced(i, 1));
  else return false;
  focused = Math.min(i, state.spectrum.length - 1);
  draw();
  focusOn(focused);
  commit();
  return true;
}

function focusOn(i, how) {
  focused = i;
  drawSpectrum(plots.spectrum, { state });
  plots.spectrum.elements.get(`p${i}`).element.focus(how);
  return true;
}
