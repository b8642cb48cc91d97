// Words and the table beside the panels.

// Text that is already there is left alone: to set it again would lay the page out again.
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showWords(all) {
  for (const [id, text] of Object.entries(titles(all))) say($(id), text);
  say($("reading"), `Test error at t = ${plain(state.time)}${isNoisy(state) ? ", without noise" : ""}: ${readings(all.runs, state)}.`);
  const found = stops(all, measured);
  if (String(found) !== String([...$("stops").children].map((item) => item.textContent)))
    $("stops").replaceChildren(...found.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

function showTable(all) {
  const body = $("rows");
  if (body.dataset.rules !== String(state.rules)) body.replaceChildren();
  body.dataset.rules = state.rules;
  $("table").classList.toggle("alone", !all.of("gd"));
  tableRows(all, measured).forEach(({ rule, cells }, i) => {
    const row = body.rows[i] ?? emptyRow(body, cells.length + 1);
    say(row.cells[0].lastChild, rule.id === "power" ? `power law, α = ${plain(rule.alpha)}` : rule.label);
    row.cells[0].firstChild.style.background = rule.colour;
    showSpeed(row.cells[1], rule);
    cells.forEach((text, j) => say(row.cells[j + 2], text));
  });
  say($("limits"), limits(all));
}

function showSpeed(cell, rule) {
  if (rule.id !== "power") return say(cell, rule.speed);
  if (!cell.firstElementChild) cell.append("σ", document.createElement("sup"));
  say(cell.firstElementChild, plain(1 - rule.alpha));
}

function emptyRow(body, count) {
  const row = body.insertRow(), name = document.createElement("th"), swatch = document.createElement("span");
  name.scope = "row";
  swatch.className = "swatch";
  name.append(swatch, document.createTextNode(""));
  row.append(name);
  for (let i = 0; i < count; i++) row.insertCell();
  return row;
}

function showLaw(all) {
  const id = isRegression(state) ? named({ id: "power", alpha: state.alpha }) : "folded";
  if ($("law").dataset.id !== id) {
    $("law").innerHTML = `<p>${page.formulas[id]}</p><p></p>`;
    $("law").dataset.id = id;
  }
  say($("law").lastChild, lawNumbers(all, lit));
}
