// The folded model's paths: weights, losses and test errors along them, and the bands of runs with noise.

const paths = { shared: new WeakMap(), newton: new WeakMap() };

// Places τ along a rule's path, and the weights and losses there: one path a state for Newton's rule, one for all others.
function pathOf(state, rule) {
  const kept = paths[rule.id] ?? paths.shared;
  if (!kept.has(state)) kept.set(state, pathFrom(state, rule));
  return kept.get(state);
}

function pathFrom(state, rule) {
  const parts = foldedParts(state), { rate_fast, rate_slow, error_fast, error_slow } = parts;
  const [slow, fast] = contractions(rule, parts), [begin, end] = [1e-3 / fast, 30 / slow];
  const places = [0, ...Array.from({ length: PATH_POINTS }, (_, i) => begin * (end / begin) ** (i / (PATH_POINTS - 1)))];
  const rest = [state.u1 - error_fast, state.u2 - error_slow];
  const weights = places.map((tau) => [rest[0] + error_fast * laws.left(fast, tau), rest[1] + error_slow * laws.left(slow, tau)]);
  const loss = ([w1, w2]) => laws.train_term(rate_fast, w1 - rest[0]) + laws.train_term(rate_slow, w2 - rest[1]), whole = loss(weights[0]);
  return { parts, places, weights, rest, losses: weights.map((w) => (whole > 0 ? loss(w) / whole : 0)), times: new Map() };
}

// Flow times of a rule at the places of a path.
function timesOf(rule, path) {
  const alpha = rule.alpha ?? 0; // on Newton's path time is the place itself
  if (!path.times.has(alpha)) path.times.set(alpha, clockTimes(alpha, path.parts, path.places, DRAWN));
  return path.times.get(alpha);
}

// The weights of a rule at a flow time, on the line through the places drawn.
function weightsAt(rule, state, time) {
  const path = pathOf(state, rule);
  const times = timesOf(rule, path), next = times.findIndex((t) => t >= time);
  if (next <= 0) return path.weights[next === 0 ? 0 : times.length - 1];
  const share = (time - times[next - 1]) / (times[next] - times[next - 1]);
  return path.weights[next].map((w, i) => path.weights[next - 1][i] + share * (w - path.weights[next - 1][i]));
}

// Times at the places of a rule's path, test errors and losses there, and the last place at which there is an error.
function errorCurve(rule, state) {
  const path = pathOf(state, rule), errors = path.weights.map(([w1, w2]) => laws.test_error(w1, w2, state.epsilon, state.theta));
  return { times: timesOf(rule, path), errors, losses: path.losses, moving: errors.findLastIndex((error) => error > 1e-3) };
}

// Test errors of the runs with noise: between a tenth and nine tenths of them, and in the middle.
function drawBand(plot, { curve }, { step, colour }, [low, high]) {
  const inside = curve.map(([count, ...shares]) => [count * step, ...shares]).filter(([time]) => time >= low && time <= high);
  if (!inside.length) return;
  const corner = (level) => (point) => `${round(plot.x(point[0]))} ${round(plot.y(point[level]))}`;
  plot.put("band", "path", { class: "between", fill: colour, d: `M${inside.map(corner(1)).join("L")}L${inside.reverse().map(corner(3)).join("L")}Z` });
  plot.put("middle", "path", { class: "dots", stroke: colour, d: inside.map((point) => `M${corner(2)(point)}h0`).join("") });
}

function drawTestErrors(plots, runs, state, measured) {
  const curves = runs.map(({ rule }) => errorCurve(rule, state));
  const [low, high] = hold("folded times", decades(curves.flatMap(({ times, moving }) => [times[1] * 10, times[Math.min(moving + 2, PATH_POINTS)]])));
  plots.forEach((plot, place) => {
    const run = runs[place], { times, errors, losses } = curves[place];
    plot.margin = { top: 44, right: 14, bottom: 40, left: 54 };
    plot.begin({ low, high, log: true, label: "flow time t" }, { low: 0, high: 1, label: "share", name: percent });
    title(plot, run);
    const noise = measured.get(run.rule.id);
    if (noise?.curve) drawBand(plot, noise, { step: state.step, colour: run.rule.colour }, [low, high]);
    const points = times.map((time, i) => [Math.max(time, low), errors[i]]).filter(([time]) => time <= high);
    if (points.length) points.push([high, points[points.length - 1][1]]);
    plot.line("error", points, { stroke: run.rule.colour, "stroke-width": 2 });
    const lost = times.map((time, i) => [Math.max(time, low), losses[i]]).filter(([time]) => time <= high);
    plot.line("loss", lost, { stroke: run.rule.colour, "stroke-width": 2, "stroke-dasharray": "2 3" });
    timeLine(plot, state, low, high);
    drawOverlay(plot, low, high);
    if (run.flow.length > 0) bracket(plot, run.flow, low, plot.area.top - 3, `100 % for ${plain(run.flow.length, 4)}`);
    plot.end();
    describe(plot, `${run.rule.label}: test error 100 % for a flow time of ${plain(run.flow.length)}`);
  });
}

