{
  const data = JSON.parse(document.getElementById("board-data").textContent);
  const table = document.querySelector("table.board");
  const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
  const controls = document.querySelector(".controls");
  const count = controls.querySelector("output");
  const chosen = [...controls.querySelectorAll("select")];
  const largest = controls.querySelector("input");

  /** Show the rows that are in all chosen classes, and no larger than what is asked for. */
  function filter() {
    const most = largest.value === "" ? Infinity : Number(largest.value) * 1e6;
    let shown = 0;
    for (const row of rows) {
      const fits = chosen.every((select) => !select.value || row.dataset[select.name] === select.value);
      const small = most === Infinity || (row.dataset.parameters !== undefined && Number(row.dataset.parameters) <= most);
      row.classList.toggle("off", !(fits && small));
      shown += fits && small;
    }
    count.textContent = shown < rows.length ? `${shown} of ${rows.length} rows` : "";
  }
  controls.addEventListener("input", filter);
  filter();

  const dialog = document.querySelector("dialog");
  const heading = dialog.querySelector("h2");
  const list = dialog.querySelector("dl");
  dialog.querySelector("button").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

  /** A term and what is said of it, as text, whatever it holds. */
  function say(term, text) {
    const [name, value] = [document.createElement("dt"), document.createElement("dd")];
    name.textContent = term;
    value.textContent = text;
    list.append(name, value);
  }

  const points = (share) => (100 * share).toFixed(1);

  function open(row, task) {
    const cell = row.cells[task];
    const group = data.groups.find((one) => one.label === row.group);
    heading.textContent = `${row.system} on ${task}`;
    list.replaceChildren();
    say("score x 100", points(cell.score) + (cell.low === null ? "" : ` (${points(cell.low)} to ${points(cell.high)})`));
    say("seeds", Object.entries(cell.seeds).map(([seed, score]) => `${seed}: ${points(score)}`).join(", "));
    say("verdict", cell.verdict);
    say("items", cell.n_items ? cell.n_items.toLocaleString("en") : "not known");
    say(`group ${row.group}`, group.settings.join("; "));
    say("environment", data.environments[cell.place]);
    say("run", `${data.runs[cell.run].name}, ${data.runs[cell.run].hash.slice(0, 12)}`);
    dialog.showModal();
  }

  table.addEventListener("click", (event) => {
    const button = event.target.closest("td button");
    if (button) open(data.rows[Number(button.dataset.row)], data.tasks[Number(button.dataset.task)]);
  });
}
