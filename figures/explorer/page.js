// The page: controls, events, and one redraw a frame.

const $ = (id) => root.getElementById(id);
const frame = root.host ?? document.documentElement, host = model ? traitsHost(model) : addressHost();
let state, drawn = null, sized = null, focused = 0, waiting = false;

const plots = Object.fromEntries(["spectrum", "plane", "lengths", "phase", "totals", "inputs", "curve0", "curve1", "curve2"].map((id) => [id, new Plot($(id))]));

// ---- the spectrum under the hand

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
    dragged = directionAt(event);
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

// A direction under the pointer or in the keyboard's hand is lit wherever it is drawn.
function lightEvents() {
  const svg = $("spectrum");
  svg.addEventListener("pointermove", (event) => light(directionAt(event)));
  svg.addEventListener("focusin", (event) => light(Number(event.target.dataset?.i ?? focused)));
  for (const id of ["curve0", "curve1", "curve2"]) $(id).addEventListener("pointerover", (event) => light(event.target.dataset?.i === undefined ? null : Number(event.target.dataset.i)));
  for (const id of ["spectrum", "curve0", "curve1", "curve2"]) for (const type of ["pointerleave", "focusout"]) $(id).addEventListener(type, () => light(null));
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

const CALM = 250; // milliseconds
let asked = 0, measuring = 0, measured = new Map(), worker = null;

function measureSoon() {
  clearTimeout(measuring);
  measured = new Map();
  asked++;
  measuring = setTimeout(() => (worker ??= startWorker()).ask(asked, rulesOf(state), state), CALM);
}

function hear(id, rule, answer) {
  if (id !== asked) return;
  measured.set(rule, answer);
  redraw();
}

// This script again, in a thread of its own; in this one, where a browser does not allow that.
function startWorker() {
  const here = { ask: measurer(hear), end() {} };
  try {
    const address = URL.createObjectURL(new Blob([`(${explorer})()`], { type: "text/javascript" })), started = new Worker(address);
    started.onmessage = ({ data }) => hear(...data);
    started.onerror = () => (worker = here).ask(asked, rulesOf(state), state);
    return { ask: (...question) => started.postMessage(question), end: () => (started.terminate(), URL.revokeObjectURL(address)) };
  } catch {
    return here;
  }
}

const measuredFor = ({ time, ...settings }) => JSON.stringify(settings);

function draw() {
  waiting = false;
  const all = found(state);
  showControls();
  if (sized !== state.model) measure();
  if (drawn !== state && (!drawn || measuredFor(drawn) !== measuredFor(state))) measureSoon();
  drawn = state;
  say($("headline"), headline(all, measured));
  if (isRegression(state)) drawSpectrum(plots.spectrum, all);
  else drawPlane(plots.plane, all), drawInputs(plots.inputs, all);
  drawLengths(plots.lengths, all, measured);
  drawPhase(plots.phase, all);
  drawCurves([plots.curve0, plots.curve1, plots.curve2], all, measured);
  showWords(all);
  showTable(all);
  showLaw(all);
}

// Text that is already there is left alone: to set it again would lay the page out again.
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showWords(all) {
  const regression = isRegression(state), runs = SIDE_BY_SIDE.map(all.of);
  say($("curves-title"), regression ? "Error along each direction, three rules side by side" : "Test error (line) and training loss (dots), three rules side by side");
  say($("phase-title"), regression ? "Phase diagram: plateau over α and κ" : "Phase diagram of gradient descent");
  say($("reading"), `Test error at t = ${plain(state.time)}: ${readings(runs, state)}.`);
  const found = stops(all, measured);
  if (String(found) !== String([...$("stops").children].map((item) => item.textContent)))
    $("stops").replaceChildren(...found.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

function showTable(all) {
  const body = $("rows");
  tableRows(all, measured).forEach(({ rule, cells }, i) => {
    const row = body.rows[i] ?? emptyRow(body, cells.length + 1);
    say(row.cells[0].lastChild, rule.id === "power" ? `power law, α = ${plain(rule.alpha)}` : rule.label);
    row.cells[0].firstChild.style.background = rule.colour;
    showSpeed(row.cells[1], rule);
    cells.forEach((text, j) => say(row.cells[j + 2], text));
  });
  say($("limits"), limits(all));
}

function showSpeed(cell, rule) {
  if (rule.id !== "power") return say(cell, rule.speed);
  if (!cell.firstElementChild) cell.append("σ", document.createElement("sup"));
  say(cell.firstElementChild, plain(1 - rule.alpha));
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
  say($("law").lastChild, lawNumbers(all, lit));
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
  $("csv").addEventListener("click", () => saveText("evenflow.csv", "text/csv", csvText(found(state))));
  $("svg").addEventListener("click", () => saveText("evenflow.svg", "image/svg+xml", picture()));
  $("png").addEventListener("click", () => savePicture("evenflow.png"));
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
  phaseEvents();
  lightEvents();
  listen();
  $("link").hidden = !host.address;
  $("source").textContent = page.source;
  read();
  takeTheme();
  draw();
  const resized = new ResizeObserver(() => (measure(), redraw()));
  resized.observe($("panels"));
  const ends = [host.watch(() => (read(), draw())), watchTheme(), () => resized.disconnect(), () => (clearTimeout(measuring), worker?.end())];
  return {
    get state() {
      return state;
    },
    close: () => ends.forEach((end) => end()),
  };
}
