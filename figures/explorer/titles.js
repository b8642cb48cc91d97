// What stands above and below the panels: titles, hints, definitions.

// What stands above the panels that change with the model or the rules.
function titles({ state, of }) {
  const regression = isRegression(state), gd = of("gd");
  return {
    "curves-title": regression ? "Error along each direction, rule by rule" : `Test error (line) and training loss (dots)${isNoisy(state) ? " without noise" : ""}, rule by rule`,
    "curves-hint": isNoisy(state) ? `Beside them the test error of ${SEEDS} runs with noise: large dots in the middle of them, a band around 80\u00a0%.` : "",
    "lengths-title": `Plateau length against ${regression ? "κ" : "ε"}`,
    "phase-title": regression ? "Phase diagram: plateau over α and κ" : gd ? "Phase diagram of gradient descent" : "Phase diagram: plateau in time τ along the path",
    "plane-title": of("newton") ? "Weights: one path for all rules but Newton’s" : "Weights: one path, on each rule’s own clock",
    "steps-head": isNoisy(state) ? "steps of η, no\u00a0noise" : "steps of η",
    "measured-head": isNoisy(state) ? "measured: median (10\u00a0to\u00a090\u00a0%)" : "steps, measured",
    "lengths-hint": `Lines and dots: predicted flows${isNoisy(state) ? ", without noise" : ""}. Rings: steps of η, taken one by one a moment after release, times η${isNoisy(state) ? `; bars hold 80\u00a0% of ${SEEDS} runs` : ""}.`,
    "table-title": gd ? "Plateau lengths, and how many times shorter than gradient descent’s" : "Plateau lengths",
  };
}

const ALONE = "One direction alone is waited for: there is no fastest and slowest to tell apart.";

// Definitions that the picture rests on.
function limits({ state }) {
  const found = [];
  if (isRegression(state)) {
    found.push("The plateau is the time from the first direction’s arrival to the last; every direction starts from the same error.");
    if (state.spectrum.length > MOST_CURVES) found.push(`${MOST_CURVES} of ${plain(state.spectrum.length)} directions are drawn; all are counted.`);
  } else found.push("The plateau is the longest run at 100 % test error. With one output the power laws are one path on different clocks.");
  if (isNoisy(state)) found.push(`Predictions are without noise. With noise a run’s plateau has no closed form: its band is measured, on ${SEEDS} runs from the seed.`);
  return [...found, isAlone(state) ? ALONE : "–: no closed form is derived."].join(" ");
}
