// Sliders, numbers, shapes and guided tours.

const NOTCHES = 1000; // of a slider over decades

const TOURS = {
  "Well conditioned": [{ shape: "geometric", directions: 4, condition: 3 }, "All rules arrive within a factor of three: there is hardly a plateau to shorten."],
  "One tiny singular value": [{ spectrum: [1, 0.8, 0.6, 1e-4] }, "Gradient descent waits for the last direction alone. Slide α to 1: it arrives with the others."],
  "Step too large": [{ step: 3 }, "Above 2/λ₁ gradient descent diverges. EGD stays bounded, but cycles and never arrives."],
  "A classifier that groks": [{ model: "folded", epsilon: 1e-4 }, "100 % test error while the second feature, of variance ε, is unlearned. Lower ε and watch the plateau grow."],
};

const BATCHES = [null, 100, 30, 10, 3, 1];

const batchOption = (batch) => new Option(batch === null ? "all: no noise" : plain(batch), batch ?? "all");

// The choices, with one more for a number that an address or a notebook has brought.
function showBatch() {
  const list = $("batch"), text = String(state.batch ?? "all"), brought = list.options[BATCHES.length];
  if (![...list.options].some(({ value }) => value === text)) brought ? brought.replaceWith(batchOption(state.batch)) : list.append(batchOption(state.batch));
  list.value = text;
  $("seed").parentElement.hidden = !isNoisy(state);
}

const PLACES = { time: "time-control", alpha: "alpha-control" };

function buildControls() {
  for (const [shape, label] of [...Object.entries(SHAPES), ["digits", "digits data set"], ["own", page.start.name ?? "your own"]]) $("shape").append(new Option(label, shape));
  for (const [name, parameter] of Object.entries(PARAMETERS)) $(PLACES[name] ?? "own").append(control(name, parameter));
  $("batch").append(...BATCHES.map(batchOption));
  for (const rule of NAMED) $("switches").append(ruleSwitch(rule));
  for (const [label, [settings, text]] of Object.entries(TOURS)) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    button.addEventListener("click", () => tour(settings, text));
    $("tours").append(button);
  }
}

// A box to tick, with the line that it brings.
function ruleSwitch({ id, label, colour }) {
  const row = document.createElement("label"), box = Object.assign(document.createElement("input"), { type: "checkbox", id: `rule-${id}` });
  const sample = document.createElementNS(SVG, "svg"), line = document.createElementNS(SVG, "path");
  for (const [name, value] of Object.entries({ class: "sample", viewBox: "0 0 22 6", "aria-hidden": true })) sample.setAttribute(name, value);
  for (const [name, value] of Object.entries({ d: "M0 3H22", stroke: colour, "stroke-width": 3, "stroke-dasharray": DASHES[id] ?? "none" })) line.setAttribute(name, value);
  sample.append(line);
  row.append(box, sample, label);
  box.addEventListener("change", () => {
    state = { ...state, rules: NAMED.map((rule) => rule.id).filter((other) => (other === id ? box.checked : state.rules.includes(other))) };
    commit();
  });
  return row;
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
    takeHold();
    set(name, fromSlider(name, Number(slider.value)));
  });
  for (const end of ["change", "pointerup", "pointercancel", "blur"]) slider.addEventListener(end, () => holding && commit()); // where it was before, nothing has changed
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

// Six digits that a number field can show whole.
function typedText(value) {
  const rounded = Number(value.toPrecision(6)), text = String(rounded);
  return text.length > 8 ? rounded.toExponential().replace("e+", "e") : text;
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
  if (isGiven(next.shape) && !settings.shape) next.shape = "geometric";
  Object.assign(next, { directions: Math.max(2, next.directions), condition: clamp(next.condition, PARAMETERS.condition.low, PARAMETERS.condition.high) });
  return withShape(next);
}

function conditioned(condition) {
  if (!isGiven(state.shape) || state.condition <= 1) return reshaped({ condition });
  return { ...state, shape: "own", condition, spectrum: stretched(state.spectrum, condition) };
}

function tour(settings, text) {
  state = { ...defaults(), model: "regression", ...settings };
  if (settings.spectrum) state = withSpectrum(state, settings.spectrum);
  else if (state.shape !== "own") state = withShape(state);
  $("notice-what").textContent = text;
  redraw();
  commit();
}

// Values and visibility of the controls after the state has changed.
function showControls() {
  for (const radio of root.querySelectorAll("input[name=model]")) radio.checked = radio.value === state.model;
  for (const element of root.querySelectorAll("[data-of]")) element.hidden = element.dataset.of !== state.model;
  $("shape").value = state.shape;
  showBatch();
  for (const { id } of NAMED) $(`rule-${id}`).checked = state.rules.includes(id);
  for (const name of Object.keys(PARAMETERS)) {
    const slider = $(`${name}-slider`), number = $(name);
    if (root.activeElement !== slider || !holding) slider.value = toSlider(name, state[name]);
    slider.setAttribute("aria-valuetext", plain(state[name]));
    if (root.activeElement !== number) number.value = typedText(state[name]);
  }
}

