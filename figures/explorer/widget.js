// The explorer in a notebook: in a shadow of its own, so that neither touches the other's look or names.

export default {
  render({ model, el }) {
    const frame = document.createElement("div");
    const root = frame.attachShadow({ mode: "open" });
    root.innerHTML = `<style>${STYLE}</style>${BODY}`;
    el.append(frame);
    el.dataset.lmSuppressShortcuts = "true"; // JupyterLab's command mode takes arrow keys before they come here
    for (const type of ["keydown", "keypress", "keyup"]) el.addEventListener(type, (event) => event.stopPropagation());
    const start = { spectrum: null, step: model.get("step"), name: model.get("name") };
    const explored = explorer(root, { ...SETTINGS, start, source: model.get("remark") }, model);
    return () => explored.close();
  },
};
