// Lengths in words: predicted and measured, and the table of them.

// A length; a dash where there is none to tell, because one direction alone is waited for.
const lengthText = (length, digits) => (length === null ? "–" : plain(length, digits));

function stepsText(steps) {
  if (!steps) return "–";
  if (steps.diverges) return "diverges";
  return steps.length === Infinity ? "never: it cycles" : lengthText(steps.length);
}

const inSteps = (steps) => `${stepsText(steps)} step${steps.length === 1 ? "" : "s"}`;

function measuredText(measured, state) {
  if (!measured) return "…";
  if (measured.unsettled) return "does not settle";
  if (measured.stopped) return `stopped after ${isNoisy(state) ? `${plain(MOST_EXAMPLES / SEEDS)} examples a run` : `${plain(MOST_STEPS / 1e6)} million${isRegression(state) ? " in all" : ""}`}`;
  if (measured.band) return `${plain(measured.length)} (${measured.band.map((end) => plain(end)).join("\u00a0to\u00a0")})`;
  return Number.isNaN(measured.length) ? "diverges" : measured.length === Infinity ? "never" : lengthText(measured.length);
}

const nameOf = (rule) => (rule.id === "power" ? `α = ${plain(rule.alpha)}` : rule.short);

const examples = ({ batch }) => `${plain(batch)} example${batch === 1 ? "" : "s"}`;

function tableRows({ state, runs, of }, measured) {
  const whole = of("gd")?.flow.length;
  return runs.map(({ rule, flow, steps }) => {
    const shorter = whole > 0 ? plain(whole / flow.length) : "–";
    const still = isNoisy(state) && !steps ? measured.get(rule.id)?.still : undefined;
    return { rule, cells: [lengthText(flow.length, 4), shorter, still >= 0 ? `${plain(still)}, measured` : stepsText(steps), measuredText(measured.get(rule.id), state)] };
  });
}
