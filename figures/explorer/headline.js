// The headline: one sentence about gradient descent and EGD, computed.

// One sentence about gradient descent and EGD where they are in sight, and about the power law where neither is.
function headline(all, measured) {
  if (isRegression(all.state)) return waitsOf(all);
  return isNoisy(all.state) ? staysWithNoise(all, measured) : staysOf(all, measured);
}

// What is predicted is without noise, and says so; what runs with noise did stands beside it.
function staysWithNoise({ state, of }, measured) {
  const { rule } = of("gd") ?? of("egd") ?? of("power"), unit = rule.id !== "gd" && measured.get(rule.id)?.band ? " steps" : "", alone = (id) => (id === rule.id || id === "power" ? of(id) : undefined);
  const seen = (id) => middleText(measured.get(id), state), egd = of("gd") && of("egd") ? `, EGD’s ${seen("egd")}` : "";
  const told = staysOf({ state, of: alone }, new Map()).slice(0, -1);
  return `Without noise, ${lowered(told)}; with ${examples(state)} a step: ${seen(rule.id)}${unit}${egd}.`;
}

// The median alone, so that the headline stays short: its band stands in the table.
function middleText(measured, state) {
  if (measured?.stopped) return "too long to take";
  return measured?.band ? `median ${plain(measured.length)}` : measuredText(measured, state);
}

// A sentence as it goes on after a comma; an abbreviation stays as it is.
const lowered = (text) => text.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());

const sooner = (ratio) => (ratio >= 1 ? `${plain(ratio, 2)} times sooner` : `${plain(1 / ratio, 2)} times later`);

function waitsOf({ state, of }) {
  const gd = of("gd"), egd = of("egd"), { rule, flow } = of("power");
  if (gd?.steps.diverges) return `At η = ${plain(state.step)} gradient descent diverges: its largest stable step is ${plain(largestStep(gd.rule, Math.max(...state.spectrum)))}.`;
  if (isAlone(state)) return ALONE;
  const between = "from its first arrival to its last", cycles = `its steps of ${plain(state.step)} jump over the target and cycle`;
  const waits = gd && `Gradient descent waits ${gd.steps.length === 0 ? "for none" : `${inSteps(gd.steps)} ${between}`}`;
  if (!egd) return gd ? `${waits}.` : `With ${nameOf(rule)} the flow waits ${flow.length === 0 ? "for none: all directions arrive together" : `a time of ${plain(flow.length)} ${between}`}.`;
  if (egd.steps.length === Infinity) return gd ? `${waits}. EGD’s flow waits for none, but ${cycles}.` : `EGD’s flow waits for none, but ${cycles}.`;
  const none = egd.steps.length === 0;
  if (gd) return `${waits}; EGD waits ${none ? "for none" : stepsText(egd.steps)}.`;
  return `EGD waits ${none ? "for none: all directions arrive together" : `${inSteps(egd.steps)} ${between}`}.`;
}

function staysOf({ state, of }, measured) {
  const gd = of("gd"), egd = of("egd"), { rule, flow } = of("power"), at = "at 100 % test error";
  if (gd?.steps.diverges) return `At η = ${plain(state.step)} gradient descent diverges.`;
  if (flow.length === 0 && !(gd?.steps.length > 0)) return `From this start there is no plateau: the path is never at 100 % test error.`;
  if (flow.length === 0) return `Gradient descent’s flow is never ${at}; its steps of ${plain(state.step)} are, for ${stepsText(gd.steps)}.`;
  const egdSteps = measured.get("egd")?.length, took = egd && egdSteps >= 0 ? `; its steps of ${plain(state.step)} took ${plain(egdSteps)}` : "";
  const stays = gd && `Gradient descent stays ${at} for ${inSteps(gd.steps)}`;
  if (gd && egd) return `${stays}; EGD’s flow leaves ${sooner(gd.flow.length / egd.flow.length)}, after a time of ${plain(egd.flow.length)}${took}.`;
  if (gd) return `${stays}.`;
  return egd ? `EGD’s flow stays ${at} for a time of ${plain(egd.flow.length)}${took}.` : `With ${nameOf(rule)} the flow stays ${at} for a time of ${plain(flow.length)}.`;
}
