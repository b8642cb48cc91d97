// The folded model: the plane of its weights, and that of its inputs.

// What clips a drawing at the frame.
function clipped(plot, id) {
  const { left, right, top, bottom } = plot.area, clip = plot.put("clip", "clipPath", { id });
  if (!clip.firstChild) clip.append(document.createElementNS(SVG, "rect"));
  for (const [name, value] of Object.entries({ x: left, y: top, width: right - left, height: bottom - top })) clip.firstChild.setAttribute(name, value);
  return `url(#${id})`;
}

function drawPlane(plot, { state, runs, of }) {
  const first = (of("gd") ?? of("power")).rule, newton = of("newton")?.rule, { weights, rest } = pathOf(state, first);
  const ends = [[0, 0], [state.u1, state.u2], rest], [across, up] = [0, 1].map((i) => hold(`w${i}`, roomy([...weights, ...ends].map((w) => w[i]))));
  plot.margin = { top: 14, right: 14, bottom: 40, left: 54 };
  plot.begin({ low: across[0], high: across[1], label: "first weight w₁" }, { low: up[0], high: up[1], label: "second weight w₂" });
  const far = 1000 * Math.max(...across.map(Math.abs), ...up.map(Math.abs)), { left, right, top, bottom } = plot.area;
  const corner = ([x, y]) => `${round(clamp(plot.x(x), -1e6, 1e6))} ${round(clamp(plot.y(y), -1e6, 1e6))}`;
  const edge = [far * Math.cos(state.theta), far * Math.sin(state.theta)];
  const inside = clipped(plot, "plane-clip");
  plot.put("region", "path", { class: "region", "clip-path": inside, d: `M${corner([0, 0])}L${corner(edge)}L${corner([0, far])}L${corner([-far, far])}L${corner([-far, 0])}Z` });
  plot.put("edge", "path", { class: "edge", "clip-path": inside, d: `M${corner([-far, 0])}L${corner([0, 0])}L${corner(edge)}` });
  if (newton) plot.line("newton", [[state.u1, state.u2], rest], { stroke: newton.colour, "stroke-width": 2, "stroke-dasharray": DASHES.newton });
  plot.line("path", weights, { stroke: first.colour, "stroke-width": 2.5 });
  for (const { rule } of runs) {
    const [w1, w2] = weightsAt(rule, state, state.time);
    plot.put(`at${rule.id}`, "circle", { class: "dot", r: 5, fill: rule.colour, cx: round(plot.x(w1)), cy: round(plot.y(w2)) });
  }
  const [sx, sy, ex, ey] = [plot.x(state.u1), plot.y(state.u2), plot.x(rest[0]), plot.y(rest[1])].map(round);
  plot.put("from", "circle", { class: "begin", r: 4, cx: sx, cy: sy });
  plot.put("to", "path", { class: "bracket", d: `M${ex - 5} ${ey - 5}l10 10M${ex - 5} ${ey + 5}l10 -10` });
  plot.put("start name", "text", { class: "note halo", x: sx + (sx > right - 60 * plot.em ? -9 : 9), y: sy + 4, "text-anchor": sx > right - 60 * plot.em ? "end" : "start" }, "start");
  plot.put("end name", "text", { class: "note halo", x: ex + (ex > right - 80 * plot.em ? -9 : 9), y: ey - 8, "text-anchor": ex > right - 80 * plot.em ? "end" : "start" }, "minimum");
  plot.put("region name", "text", { class: "note halo", x: left + 8, y: top + 16 * plot.em }, "shaded: 100 % test error");
  plot.end();
  describe(plot, `Weights from (${plain(state.u1)}, ${plain(state.u2)}) to (${plain(rest[0])}, ${plain(rest[1])})`);
}

// Inputs in units of their deviations: where it trains, where it is tested, and what each rule decides at this time.
function drawInputs(plot, { state, runs }) {
  const root = Math.sqrt(state.epsilon), reach = Math.max(3, state.margin + 1);
  plot.margin = { top: 14, right: 14, bottom: 40, left: 54 };
  plot.begin({ low: -reach, high: reach, label: "first feature x₁" }, { low: -3, high: 3, label: "second feature x₂/√ε" });
  const inside = clipped(plot, "inputs-clip"), { left, right, top, bottom } = plot.area;
  const box = (a, b) => `M${round(a)} ${top}H${round(b)}V${bottom}H${round(a)}Z`;
  plot.put("training", "path", { class: "training", d: box(left, plot.x(-state.margin)) + box(plot.x(state.margin), right) });
  const edge = 3 * root * Math.tan(state.theta), corner = (x, y) => `${round(clamp(plot.x(x), -1e6, 1e6))} ${round(plot.y(y))}`;
  plot.put("tested", "path", { class: "tested", "clip-path": inside, d: `M${corner(0, 0)}L${corner(0, 3)}L${corner(-edge, 3)}ZM${corner(0, 0)}L${corner(0, -3)}L${corner(edge, -3)}Z` });
  for (const { rule } of runs) {
    const [w1, w2] = weightsAt(rule, state, state.time), [dx, dy] = [-w2 * root, w1], far = 1e3 / (Math.hypot(dx, dy) || 1);
    plot.put(`decides${rule.id}`, "path", { class: "decides", "clip-path": inside, stroke: rule.colour, "stroke-dasharray": DASHES[rule.id] ?? "none", d: `M${corner(-far * dx, -far * dy)}L${corner(far * dx, far * dy)}` });
  }
  plot.put("training name", "text", { class: "note halo", x: right - 6, y: bottom - 8, "text-anchor": "end" }, "shaded: trained");
  plot.put("tested name", "text", { class: "note halo", x: left + 6, y: top + 16 * plot.em }, "sector: tested");
  plot.end();
  describe(plot, `Decision boundaries at flow time ${plain(state.time)}; test error ${readings(runs, state)}`);
}

function roomy(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)], room = 0.15 * (high - low || 1);
  return [low - room, high + room];
}
