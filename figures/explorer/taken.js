// What is taken along: text to copy, pictures and numbers as files.

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    $("done").textContent = `${what} copied.`;
  } catch {
    prompt(`${what}, to copy:`, text);
  }
}

const saveText = (name, type, text) => save(name, new Blob([text], { type }));

function save(name, content) {
  const link = document.createElement("a");
  Object.assign(link, { href: URL.createObjectURL(content), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
  $("done").textContent = `Saved as ${name}.`;
}

const INLINED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "opacity", "paint-order"];

// All pictures in sight, one below the other, with their style in them.
function picture() {
  const shown = Object.values(plots).filter(({ svg }) => svg.clientWidth), width = Math.max(...shown.map((plot) => plot.width));
  let height = 0, inner = "";
  for (const plot of shown) {
    const copied = plot.svg.cloneNode(true), from = plot.svg.querySelectorAll("*");
    copied.querySelectorAll("*").forEach((element, i) => {
      const style = getComputedStyle(from[i]);
      for (const name of INLINED) element.setAttribute(name, style.getPropertyValue(name));
    });
    for (const [name, value] of Object.entries({ y: height, width: plot.width, height: plot.height })) copied.setAttribute(name, value);
    inner += new XMLSerializer().serializeToString(copied);
    height += plot.height + 16;
  }
  const ground = getComputedStyle(frame).backgroundColor;
  return `<svg xmlns="${SVG}" width="${width}" height="${height}" font-family="sans-serif"><rect width="100%" height="100%" fill="${ground}"/>${inner}</svg>\n`;
}

// The same as PNG, at twice its size.
async function savePicture(name) {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(picture())}`;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: 2 * image.width, height: 2 * image.height });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((content) => save(name, content), "image/png");
}
