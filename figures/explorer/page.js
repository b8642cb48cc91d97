// The page: controls, events, and one redraw a frame.

const $ = (id) => root.getElementById(id);
const frame = root.host ?? document.documentElement, host = model ? traitsHost(model) : addressHost();
const NOTCHES = 1000; // of a slider over decades
let state, drawn = null, sized = null, focused = 0, waiting = false;

const plots = Object.fromEntries(["spectrum", "plane", "lengths", "curve0", "curve1", "curve2"].map((id) => [id, new Plot($(id))]));

const TOURS = {
  "Well conditioned": [{ shape: "geometric", directions: 4, condition: 3 }, "All rules arrive within a factor of three: there is hardly a plateau to shorten."],
  "One tiny singular value": [{ spectrum: [1, 0.8, 0.6, 1e-4] }, "Gradient descent waits for the last direction alone. Slide α to 1: it arrives with the others."],
  "Step too large": [{ step: 3 }, "Above 2/λ₁ gradient descent diverges. EGD stays bounded, but cycles and never arrives."],
  "A classifier that groks": [{ model: "folded", epsilon: 1e-4 }, "100 % test error while the second feature, of variance ε, is unlearned. Lower ε and watch the plateau grow."],
};

// ---- controls

function buildControls() {
  for (const [shape, label] of [...Object.entries(SHAPES), ["own", page.start.name ?? "your own"]]) $("shape").append(new Option(label, shape));
  for (const [name, parameter] of Object.entries(PARAMETERS)) $("own").append(control(name, parameter));
  for (const [label, [settings, text]] of Object.entries(TOURS)) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    button.addEventListener("click", () => tour(settings, text));
    $("tours").append(button);
  }
}

function control(name, { label, low, high, log, grain, of }) {
  const row = document.createElement("div"), text = document.createElement("label");
  row.className = "control";
  if (of) row.dataset.of = of;
  Object.assign(text, { textContent: label, htmlFor: `${name}-slider` });
  const number = Object.assign(document.createElement("input"), { type: "number", id: name, step: "any", min: low, max: high });
  number.setAttribute("aria-label", `${label}, as a number`);
  const slider = Object.assign(document.createElement("input"), { type: "range", id: `${name}-slider` });
  Object.assign(slider, log ? { min: 0, max: NOTCHES, step: 1 } : { min: low, max: high, step: grain });
  slider.addEventListener("input", () => {
    holding = true;
    set(name, fromSlider(name, Number(slider.value)));
  });
  slider.addEventListener("change", commit);
  number.addEventListener("input", () => typed(name, number));
  number.addEventListener("change", () => (typed(name, number), number.removeAttribute("aria-invalid"), commit()));
  row.append(text, number, slider);
  return row;
}

function fromSlider(name, notch) {
  const { low, high, log, whole } = PARAMETERS[name];
  if (!log) return notch;
  const value = Number((low * (high / low) ** (notch / NOTCHES)).toPrecision(3));
  return clamp(whole ? Math.round(value) : value, low, high);
}

function toSlider(name, value) {
  const { low, high, log } = PARAMETERS[name];
  return log ? Math.round((NOTCHES * Math.log(value / low)) / Math.log(high / low)) : value;
}

function typed(name, input) {
  try {
    set(name, checkedNumber(name, input.value));
    input.removeAttribute("aria-invalid");
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    input.setAttribute("aria-invalid", "true");
  }
}

function set(name, value) {
  if (name === "directions") state = reshaped({ directions: value });
  else if (name === "condition") state = value === state.condition ? state : conditioned(value);
  else state = { ...state, [name]: value };
  redraw();
}

function reshaped(settings) {
  const next = { ...state, ...settings };
  if (next.shape === "own") next.shape = "geometric";
  Object.assign(next, { directions: Math.max(2, next.directions), condition: clamp(next.condition, PARAMETERS.condition.low, PARAMETERS.condition.high) });
  return { ...next, spectrum: shaped(next) };
}

function conditioned(condition) {
  if (state.shape !== "own" || state.condition <= 1) return reshaped({ condition });
  return { ...state, condition, spectrum: stretched(state.spectrum, condition) };
}

function tour(settings, text) {
  state = { ...defaults(), model: "regression", ...settings };
  if (settings.spectrum) state = withSpectrum(state, settings.spectrum);
  else if (state.shape !== "own") state = { ...state, spectrum: shaped(state) };
  $("notice-what").textContent = text;
  redraw();
  commit();
}

// Values and visibility of the controls after the state has changed.
function showControls() {
  for (const radio of root.querySelectorAll("input[name=model]")) radio.checked = radio.value === state.model;
  for (const element of document.querySelectorAll("[data-of]")) element.hidden = element.dataset.of !== state.model;
  $("shape").value = state.shape;
  for (const name of Object.keys(PARAMETERS)) {
    const slider = $(`${name}-slider`), number = $(name);
    if (root.activeElement !== slider || !holding) slider.value = toSlider(name, state[name]);
    slider.setAttribute("aria-valuetext", plain(state[name]));
    if (root.activeElement !== number) number.value = Number(state[name].toPrecision(6));
  }
}

// ---- the spectrum under the hand

function moveDirection(i, value) {
  const spectrum = [...state.spectrum], [low, high] = held.get("spectrum");
  spectrum[i] = Number(clamp(value, low, high).toPrecision(3));
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
    const count = state.spectrum.length, { left, right } = plots.spectrum.area;
    const x = event.clientX - svg.getBoundingClientRect().left;
    dragged = clamp(Math.floor(((x - left) / (right - left)) * count), 0, count - 1);
    svg.setPointerCapture(event.pointerId);
    holding = true;
    focusOn(dragged);
    moveDirection(dragged, valueAt(event));
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => dragged !== null && moveDirection(dragged, valueAt(event)));
  for (const end of ["pointerup", "pointercancel"])
    svg.addEventListener(end, () => {
      if (dragged !== null) commit();
      dragged = null;
    });
  svg.addEventListener("keydown", (event) => {
    const i = Number(event.target.dataset?.i);
    if (!Number.isInteger(i) || event.altKey || event.ctrlKey || event.metaKey) return;
    if (spectrumKey(event.key, i)) {
      event.preventDefault();
      event.stopPropagation();
    }
  });
  svg.addEventListener("focusin", (event) => (focused = Number(event.target.dataset?.i ?? focused)));
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

function focusOn(i) {
  focused = i;
  drawSpectrum(plots.spectrum, { state });
  plots.spectrum.elements.get(`p${i}`).element.focus();
  return true;
}

// ---- drawing

function redraw() {
  if (!waiting) requestAnimationFrame(draw);
  waiting = true;
}

// ---- measured, a moment after the hand has let go

const CALM = 250, SLICE = 6; // milliseconds
let measuring = 0, measured = new Map();

// Takes the steps of every rule in slices; what is drawn meanwhile goes first.
function measureSoon() {
  clearTimeout(measuring);
  measured = new Map();
  const steps = isRegression(state) ? measuredRegression : measuredFolded;
  const open = rulesOf(state).map((rule) => [rule.id, steps(rule, state)]);
  const slice = () => {
    for (const end = performance.now() + SLICE; open.length && performance.now() < end; ) {
      const { done, value } = open[0][1].next();
      if (!done) continue;
      measured.set(open.shift()[0], value);
      redraw();
    }
    if (open.length) measuring = setTimeout(slice);
  };
  measuring = setTimeout(slice, CALM);
}

function draw() {
  waiting = false;
  const all = found(state);
  showControls();
  if (sized !== state.model) measure();
  if (drawn !== state) measureSoon();
  drawn = state;
  $("headline").textContent = headline(all, measured);
  if (isRegression(state)) drawSpectrum(plots.spectrum, all);
  else drawPlane(plots.plane, all);
  drawLengths(plots.lengths, all, measured);
  $("curves-title").textContent = isRegression(state) ? "Error along each direction, three rules side by side" : "Test error, three rules side by side";
  drawCurves([plots.curve0, plots.curve1, plots.curve2], all);
  showTable(all);
  showLaw(all);
}

function showTable(all) {
  const body = $("rows");
  tableRows(all, measured).forEach(({ rule, cells }, i) => {
    const row = body.rows[i] ?? emptyRow(body, cells.length + 1);
    row.cells[0].lastChild.textContent = rule.id === "power" ? `power law, α = ${plain(rule.alpha)}` : rule.label;
    row.cells[0].firstChild.style.background = rule.colour;
    row.cells[1].innerHTML = rule.id === "power" ? `σ<sup>${plain(1 - rule.alpha)}</sup>` : rule.speed;
    cells.forEach((text, j) => (row.cells[j + 2].textContent = text));
  });
  $("limits").textContent = limits(all);
}

function emptyRow(body, count) {
  const row = body.insertRow(), name = document.createElement("th"), swatch = document.createElement("span");
  name.scope = "row";
  swatch.className = "swatch";
  name.append(swatch, document.createTextNode(""));
  row.append(name);
  for (let i = 0; i < count; i++) row.insertCell();
  return row;
}

function showLaw(all) {
  const id = isRegression(state) ? named({ id: "power", alpha: state.alpha }) : "folded";
  if ($("law").dataset.id !== id) {
    $("law").innerHTML = `<p>${page.formulas[id]}</p><p></p>`;
    $("law").dataset.id = id;
  }
  $("law").lastChild.textContent = lawNumbers(all);
}

// Takes the sizes of the pictures in sight.
function measure() {
  sized = state.model;
  for (const plot of Object.values(plots)) {
    const { clientWidth, clientHeight } = plot.svg;
    if (clientWidth) plot.resize(clientWidth, clientHeight);
  }
}

// ---- what is kept, and what is taken along

function commit() {
  holding = false;
  redraw();
  host.keep(state);
}

function read() {
  $("notice").hidden = true;
  try {
    state = host.read(state);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    state = defaults();
    $("notice").textContent = `The address of this page could not be used: ${error.message}. These are the defaults.`;
    $("notice").hidden = false;
  }
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    $("done").textContent = `${what} copied.`;
  } catch {
    prompt(`${what}, to copy:`, text);
  }
}

function save(name, type, text) {
  const link = document.createElement("a");
  Object.assign(link, { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
  $("done").textContent = `Saved as ${name}.`;
}

const INLINED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "opacity", "paint-order"];

// All pictures in sight, one below the other, with their style in them.
function picture() {
  const shown = Object.values(plots).filter(({ svg }) => svg.clientWidth), width = Math.max(...shown.map((plot) => plot.width));
  let height = 0, inner = "";
  for (const plot of shown) {
    const copied = plot.svg.cloneNode(true), from = plot.svg.querySelectorAll("*");
    copied.querySelectorAll("*").forEach((element, i) => {
      const style = getComputedStyle(from[i]);
      for (const name of INLINED) element.setAttribute(name, style.getPropertyValue(name));
    });
    for (const [name, value] of Object.entries({ y: height, width: plot.width, height: plot.height })) copied.setAttribute(name, value);
    inner += new XMLSerializer().serializeToString(copied);
    height += plot.height + 16;
  }
  const ground = getComputedStyle(frame).backgroundColor;
  return `<svg xmlns="${SVG}" width="${width}" height="${height}" font-family="sans-serif"><rect width="100%" height="100%" fill="${ground}"/>${inner}</svg>\n`;
}

// Takes on the theme of the notebook, or of the system where there is none.
function takeTheme() {
  const theme = document.body.dataset.jpThemeLight;
  dark = theme ? theme === "false" : systemDark.matches;
  frame.classList.toggle("dark", dark);
}

function watchTheme() {
  const changed = () => (takeTheme(), draw());
  const notebook = new MutationObserver(changed);
  notebook.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  systemDark.addEventListener("change", changed);
  return () => (notebook.disconnect(), systemDark.removeEventListener("change", changed));
}

function listen() {
  $("shape").addEventListener("change", () => {
    const shape = $("shape").value;
    if (shape === "own") state = withSpectrum(state, page.start.spectrum ?? state.spectrum);
    else state = reshaped({ shape });
    commit();
  });
  for (const radio of root.querySelectorAll("input[name=model]"))
    radio.addEventListener("change", () => {
      state = { ...state, model: radio.value };
      commit();
    });
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("python").addEventListener("click", () => copy(pythonCell(state), "Python cell"));
  $("link").addEventListener("click", () => copy(host.address(), "Address"));
  $("csv").addEventListener("click", () => save("evenflow.csv", "text/csv", csvText(found(state))));
  $("svg").addEventListener("click", () => save("evenflow.svg", "image/svg+xml", picture()));
  $("reset").addEventListener("click", () => {
    state = defaults();
    $("notice-what").textContent = "";
    commit();
  });
}

// Puts everything in its place and draws; gives what a caller may look at, and what takes it away again.
function begin() {
  buildControls();
  spectrumEvents();
  listen();
  $("link").hidden = !host.address;
  $("source").textContent = page.source;
  read();
  takeTheme();
  draw();
  const resized = new ResizeObserver(() => (measure(), redraw()));
  resized.observe($("panels"));
  const ends = [host.watch(() => (read(), draw())), watchTheme(), () => resized.disconnect(), () => clearTimeout(measuring)];
  return {
    get state() {
      return state;
    },
    close: () => ends.forEach((end) => end()),
  };
}
