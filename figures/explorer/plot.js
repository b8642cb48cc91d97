// Axes, lines and labels in an SVG element; what is drawn again keeps its element.

const SVG = "http://www.w3.org/2000/svg";

class Plot {
  constructor(svg) {
    this.svg = svg;
    this.elements = new Map();
    this.margin = { top: 14, right: 14, bottom: 40, left: 54 };
    this.resize(480, 270);
  }

  // Begins a drawing: `x` and `y` are {low, high, log, label, zero}; `zero` keeps a strip below the decades for 0.
  begin(x, y) {
    [this.drawn, this.before] = [new Set(), null];
    const [top, right, bottom, left] = ["top", "right", "bottom", "left"].map((side) => this.margin[side] * this.em), strip = y.zero ? 18 : 0;
    this.area = { left, top, right: this.width - right, bottom: this.height - bottom };
    this.x = scale(x, this.area.left, this.area.right);
    this.y = scale(y, this.area.bottom - strip, this.area.top);
    this.floor = this.area.bottom - (y.zero ? 4 : 0);
    this.keepAxes(x, y);
  }

  // The axes as they are, if they would be the same again.
  keepAxes(x, y) {
    const key = [x, y].flatMap(({ low, high, log, label, zero }) => [low, high, log, label, zero]).concat(Object.values(this.area)).join();
    if (key === this.axesKey) {
      this.axesDrawn.forEach((name) => this.drawn.add(name));
      this.before = this.elements.get(this.axesDrawn.at(-1)).element;
      return;
    }
    this.axes(x, y);
    [this.axesKey, this.axesDrawn] = [key, [...this.drawn]];
  }

  // Sizes in pixels; `em` is that of the letters, in those of the style sheet's usual size.
  resize(width, height, em = 1) {
    [this.width, this.height, this.em] = [width, height, em];
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  }

  // Takes away what the drawing no longer holds.
  end() {
    for (const [key, { element }] of this.elements)
      if (!this.drawn.has(key)) {
        element.remove();
        this.elements.delete(key);
      }
  }

  // Takes away everything, so that what is drawn next lies in its own order.
  clear() {
    for (const { element } of this.elements.values()) element.remove();
    this.elements.clear();
    this.axesKey = null;
  }

  // An element: a new one lies above what was put before it, so that things lie as they are drawn, whenever they came.
  put(key, tag, attributes, text) {
    let kept = this.elements.get(key);
    if (!kept) {
      kept = { element: document.createElementNS(SVG, tag), last: {}, text: "" };
      this.elements.set(key, kept);
      if (this.before) this.before.after(kept.element);
      else this.svg.append(kept.element);
    }
    this.before = kept.element;
    this.drawn.add(key);
    for (const name in attributes) // reading an attribute back would cost more than the drawing
      if (kept.last[name] !== attributes[name]) kept.element.setAttribute(name, (kept.last[name] = attributes[name]));
    if (text !== undefined && kept.text !== text) kept.element.textContent = kept.text = text;
    return kept.element;
  }

  axes(x, y) {
    const { left, right, top, bottom } = this.area;
    this.put("frame", "path", { class: "axis", d: `M${left} ${top}V${bottom}H${right}` });
    const across = Math.max(2, Math.floor((right - left) / (56 * this.em))), up = Math.max(2, Math.floor((bottom - top) / (34 * this.em)));
    for (const tick of ticks(x, across)) {
      const at = round(this.x(tick));
      this.put(`x${tick}`, "path", { class: "grid", d: `M${at} ${top}V${bottom}` });
      this.put(`xt${tick}`, "text", { class: "tick", x: at, y: bottom + 15 * this.em, "text-anchor": "middle" }, x.name?.(tick) ?? tickText(tick, x));
    }
    for (const tick of ticks(y, up)) {
      const at = round(this.y(tick));
      this.put(`y${tick}`, "path", { class: "grid", d: `M${left} ${at}H${right}` });
      this.put(`yt${tick}`, "text", { class: "tick", x: left - 6, y: at + 4, "text-anchor": "end" }, y.name?.(tick) ?? tickText(tick, y));
    }
    if (y.zero) {
      this.put("zero", "path", { class: "grid", d: `M${left} ${this.floor}H${right}` });
      this.put("zerot", "text", { class: "tick", x: left - 6, y: this.floor + 4, "text-anchor": "end" }, "0");
      const cut = this.floor - 8;
      this.put("cut", "path", { class: "cut", d: `M${left - 4} ${cut + 2}l8 -4M${left - 4} ${cut - 2}l8 -4` });
    }
    this.put("xl", "text", { class: "label", x: (left + right) / 2, y: this.height - 6 * this.em, "text-anchor": "middle" }, x.label);
    const middle = (top + bottom) / 2;
    this.put("yl", "text", { class: "label", transform: `translate(${12 * this.em} ${middle}) rotate(-90)`, "text-anchor": "middle" }, y.label);
  }

  // The height of a value; 0 lies on the strip's line.
  level(value) {
    return value <= 0 && this.floor < this.area.bottom ? this.floor : this.y(value);
  }

  // A line through points [x, y]; what is not finite is left out, what lies outside is cut at the frame.
  line(key, points, attributes) {
    let d = "", open = false, before = null;
    for (const [x, y] of points) {
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        open = false;
        continue;
      }
      const px = this.x(x), py = this.level(y), jump = open && before <= 0 !== y <= 0 && this.floor < this.area.bottom;
      d += `${open && !jump ? "L" : "M"}${round(px)} ${round(clamp(py, -1e4, 1e4))}`;
      [open, before] = [true, y];
    }
    this.put(key, "path", { fill: "none", ...attributes, d });
  }

  // Labels at the right ends of lines, moved apart; each is {key, text, colour, y} with y in pixels.
  sideLabels(labels, x) {
    const gap = 14 * this.em, sorted = labels.filter(({ y }) => Number.isFinite(y)).sort((a, b) => a.y - b.y);
    const { top, bottom } = this.area;
    sorted.forEach((label, i) => (label.at = Math.max(clamp(label.y, top + 4, bottom), i ? sorted[i - 1].at + gap : 0)));
    for (let i = sorted.length - 1, limit = bottom - 4; i >= 0; limit = sorted[i].at - gap, i--) sorted[i].at = Math.min(sorted[i].at, limit);
    for (const { key, text, colour, at } of sorted)
      this.put(`side${key}`, "text", { class: "side", x, y: round(at + 4), fill: colour }, text);
  }
}

const round = (value) => Math.round(value * 10) / 10;
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

function scale({ low, high, log }, from, to) {
  if (!log) return (value) => from + ((value - low) / (high - low)) * (to - from);
  const [a, b] = [Math.log10(low), Math.log10(high)];
  return (value) => from + ((Math.log10(value) - a) / (b - a)) * (to - from);
}

function ticks({ low, high, log }, most) {
  if (log) {
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
    const every = Math.max(1, Math.ceil((last - first + 1) / most));
    const begin = Math.ceil(first / every) * every, found = [];
    for (let decade = begin; decade <= last; decade += every) found.push(Number(`1e${decade}`));
    return found;
  }
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const gap = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) * power;
  const found = [];
  for (let i = Math.ceil(low / gap - 1e-9); i * gap <= high + gap * 1e-9; i++) found.push(Number((i * gap).toPrecision(12)));
  return found;
}

function tickText(value, { log }) {
  if (!log) return plain(value);
  const decade = Math.round(Math.log10(value));
  return decade >= -2 && decade <= 2 ? plain(value) : `10${raised(decade)}`;
}

// The smallest range of whole decades around positive numbers.
function decades(values, least = 1) {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  if (!positive.length) return [0.1, 10];
  let low = Math.floor(Math.log10(Math.min(...positive)) + 1e-9), high = Math.ceil(Math.log10(Math.max(...positive)) - 1e-9);
  if (high - low < least) high = low + least;
  return [10 ** low, 10 ** high];
}
