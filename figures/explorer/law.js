// The law in force with numbers in it.

// The power law’s own law with numbers in it.
function lawNumbers({ state, of }, lit = null) {
  const { rule, flow } = of("power"), alpha = `α = ${plain(rule.alpha)}`;
  if (isRegression(state)) {
    const rate = state.spectrum[lit] ?? Math.min(...state.spectrum), which = state.spectrum[lit] ? `Direction ${lit + 1}` : "Smallest singular value";
    return `${which}: λ = ${plain(rate)}, e₀ = ${plain(state.start)}, q = ${plain(state.threshold)}, ${alpha}: t = ${plain(arrivalLaw(rule)(rate, state.start, state.threshold), 4)}. Exact.`;
  }
  const { slow, fast, constant, rate_fast, rate_slow } = foldedParts(state);
  const terms = `${plain(slow)} · exp(−${plain(rate_slow)} τ) ${fast < 0 ? "−" : "+"} ${plain(Math.abs(fast))} · exp(−${plain(rate_fast)} τ) − ${plain(-constant)} ≥ 0`;
  return `Here the boundary is ${terms}; with ${alpha} the clock makes a time of ${plain(flow.length, 4)} of it. Exact, by root and quadrature${isNoisy(state) ? `, without noise. ${of("gd") ? noiseNumbers(state) : ""}` : "."}`;
}

// What is derived with noise, for gradient descent: the mean, the limit of the step, and where it comes to rest.
function noiseNumbers(state) {
  const { epsilon, margin, weight_decay, batch, step } = state, limit = noiseLimit(state);
  const values = [epsilon, margin, weight_decay, batch, step], scatter = [laws.noise_fast, laws.noise_slow].map((law) => plain(Math.sqrt(law(...values))));
  const rest = step < limit ? `they come to rest with standard deviations ${scatter.join(" and ")}` : "their mean square grows without end";
  return `With ${examples(state)} a step, gradient descent’s weights take the same steps in the mean, and ${rest}; in mean square the largest stable step is ${plain(limit)}: exact.`;
}
