// Functions that Math has not.

const square = (x) => x * x;

// erfc: a series of positive terms below 2, a continued fraction from there on; about 14 digits everywhere.
const SQRT_PI = Math.sqrt(Math.PI);

function erfSeries(x) {
  let term = x, sum = x;
  for (let n = 1; term > sum * 1e-17; n++) sum += term *= (2 * x * x) / (2 * n + 1);
  return (2 / SQRT_PI) * Math.exp(-x * x) * sum;
}

function erfcFraction(x) {
  let tail = x;
  for (let n = 80; n > 0; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / (SQRT_PI * tail);
}

function erf(x) {
  if (x < 0) return -erf(-x);
  return x < 2 ? erfSeries(x) : 1 - erfcFraction(x);
}

function erfc(x) {
  if (x < 0) return 2 - erfc(-x);
  return x < 2 ? 1 - erfSeries(x) : erfcFraction(x);
}
