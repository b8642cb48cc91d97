// The page: its state, one redraw a frame, what is measured, and what is kept.

const $ = (id) => root.getElementById(id);
const frame = root.host ?? document.documentElement, host = model ? traitsHost(model) : addressHost();
let state, drawn = null, sized = null, focused = 0, waiting = false;

const plots = Object.fromEntries(["spectrum", "plane", "lengths", "phase", "totals", "inputs", ...CURVES].map((id) => [id, new Plot($(id))]));

const RULED = ["plane", "lengths", "totals", "inputs", ...CURVES]; // where rules are drawn

function redraw() {
  if (!waiting) requestAnimationFrame(draw);
  waiting = true;
}

// ---- measured, a moment after the hand has let go

const CALM = 250; // milliseconds
let asked = 0, measuring = 0, measured = new Map(), worker = null;

// Measures what is in sight, but for what is known.
function measureSoon(known) {
  clearTimeout(measuring);
  measured = known;
  asked++;
  measuring = setTimeout(() => (worker ??= startWorker()).ask(...question()), CALM);
}

const question = () => [asked, rulesOf(state).filter(({ id }) => !measured.has(id)), state];

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
    started.onerror = () => (worker = here).ask(...question());
    return { ask: (...question) => started.postMessage(question), end: () => (started.terminate(), URL.revokeObjectURL(address)) };
  } catch {
    return here;
  }
}

const measuredFor = ({ time, rules, ...settings }) => JSON.stringify(settings);

function draw() {
  waiting = false;
  const all = found(state);
  showControls();
  showCurves();
  if (sized !== shape(state)) measure();
  if (drawn && String(drawn.rules) !== String(state.rules)) for (const id of RULED) plots[id].clear();
  if (!drawn || measuredFor(drawn) !== measuredFor(state)) measureSoon(new Map());
  else if (String(drawn.rules) !== String(state.rules)) measureSoon(measured);
  drawn = state;
  say($("headline"), headline(all, measured));
  if (isRegression(state)) drawSpectrum(plots.spectrum, all);
  else drawPlane(plots.plane, all), drawInputs(plots.inputs, all);
  drawLengths(plots.lengths, all, measured);
  drawPhase(plots.phase, all);
  drawCurves(all, measured);
  showWords(all);
  showTable(all);
  showLaw(all);
}

// What the sizes of the pictures hang on.
const shape = (state) => `${state.model} ${state.rules.length}`;

const USUAL = 12; // pixels, the letters of a picture where a reader has not asked for larger ones
const NARROW = 130; // pixels, below which a picture shrinks as a whole: its margins alone take 120

// Takes the sizes of the pictures in sight, and of their letters.
function measure() {
  sized = shape(state);
  const em = parseFloat(getComputedStyle($("lengths")).fontSize) / USUAL;
  for (const plot of Object.values(plots)) {
    const { clientWidth, clientHeight } = plot.svg;
    if (clientWidth) plot.resize(Math.max(clientWidth, NARROW * em), clientHeight, em);
  }
}

// ---- a hand, what is kept, and what is taken along

const MOVING = ["headline", "reading", "stops"]; // texts above pictures, whose number of lines changes

// A hand takes hold of something: until it lets go all texts keep the room that they have, so that nothing moves under it.
function takeHold() {
  if (holding) return;
  holding = true;
  const main = root.querySelector("main"), tall = (element) => `${element.getBoundingClientRect().height}px`;
  const heights = [main, ...MOVING.map($)].map(tall);
  main.style.minHeight = heights[0];
  MOVING.forEach((id, i) => ($(id).style.height = heights[i + 1]));
}

function letGo() {
  holding = false;
  root.querySelector("main").style.minHeight = "";
  for (const id of MOVING) $(id).style.height = "";
}

function commit() {
  letGo();
  $("notice").hidden = true;
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

// Takes on the theme of the notebook, or of the system where there is none; paper is light.
function takeTheme(paper = false) {
  const theme = document.body.dataset.jpThemeLight;
  dark = !paper && (theme ? theme === "false" : systemDark.matches);
  frame.classList.toggle("dark", dark);
}

function watchTheme() {
  const changed = ({ type }) => (takeTheme(type === "beforeprint"), draw());
  const notebook = new MutationObserver(() => changed({}));
  notebook.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  const heard = [[systemDark, "change"], [window, "beforeprint"], [window, "afterprint"]];
  for (const [source, type] of heard) source.addEventListener(type, changed);
  return () => (notebook.disconnect(), heard.forEach(([source, type]) => source.removeEventListener(type, changed)));
}

function listen() {
  $("shape").addEventListener("change", () => {
    const shape = $("shape").value;
    if (shape === "own") state = withSpectrum(state, page.start.spectrum ?? state.spectrum);
    else state = reshaped({ shape });
    commit();
  });
  $("batch").addEventListener("change", () => {
    state = { ...state, batch: $("batch").value === "all" ? null : Number($("batch").value) };
    commit();
  });
  for (const radio of root.querySelectorAll("input[name=model]"))
    radio.addEventListener("change", () => {
      state = { ...state, model: radio.value };
      commit();
    });
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("python").addEventListener("click", () => copy(pythonCell(state, measured), "Python cell"));
  $("link").addEventListener("click", () => copy(host.address(), "Address"));
  $("csv").addEventListener("click", () => saveText("evenflow.csv", "text/csv", csvText(found(state), measured)));
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
  resized.observe($("lengths")); // in sight on every page, as wide as its column and as tall as its letters ask
  const ends = [host.watch(() => (read(), draw())), watchTheme(), () => resized.disconnect(), () => (clearTimeout(measuring), worker?.end())];
  return {
    get state() {
      return state;
    },
    close: () => ends.forEach((end) => end()),
  };
}
