// Where the state is kept: in the page's address, or in the traits of a notebook's widget.

function addressHost() {
  return {
    address: () => location.href,
    overlay: () => [],
    read() {
      const text = decodeURIComponentSafely(location.hash.slice(1));
      if (text === null) refuse("address", "be text", "cannot be decoded");
      return parsed(text);
    },
    keep(state) {
      const text = fragment(state);
      try {
        history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
      } catch {
        location.hash = text; // where a file may not replace its own address
      }
    },
    watch(changed) {
      addEventListener("hashchange", changed);
      return () => removeEventListener("hashchange", changed);
    },
  };
}

function decodeURIComponentSafely(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

const floats = (view) => [...new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength))];
const pairs = (values) => Array.from({ length: values.length / 2 }, (_, i) => [values[2 * i], values[2 * i + 1]]);

// A spectrum travels as a binary buffer of 64-bit floats; what its number and condition number are follows from it.
function traitsHost(model) {
  const numbers = Object.keys(PARAMETERS).filter((name) => name !== "directions" && name !== "condition");
  const names = ["model", "spectrum", "rules", "batch", "overlay", ...numbers];
  let saving = false;
  return {
    overlay: () => pairs(floats(model.get("overlay"))),
    read(before) {
      const spectrum = floats(model.get("spectrum"));
      const usual = before ?? defaults(), same = String(spectrum) === String(usual.spectrum);
      const state = same ? { ...usual } : { ...usual, shape: "own", spectrum, directions: spectrum.length, condition: conditionOf(spectrum) };
      for (const name of ["model", "rules", "batch", ...numbers]) state[name] = model.get(name);
      return state;
    },
    keep(state) {
      saving = true;
      for (const name of ["model", "rules", "batch", ...numbers]) if (String(model.get(name)) !== String(state[name])) model.set(name, state[name]);
      if (String(this.read(state).spectrum) !== String(state.spectrum)) model.set("spectrum", new DataView(Float64Array.from(state.spectrum).buffer));
      saving = false;
      model.save_changes();
    },
    watch(changed) {
      const told = () => saving || changed();
      for (const name of names) model.on(`change:${name}`, told);
      return () => names.forEach((name) => model.off(`change:${name}`, told));
    },
  };
}
