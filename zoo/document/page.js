"use strict";
{
  const MISSING = "-";
  const LEAST_TO_FILTER = 8;

  /** The first number of a cell, such as 82.3 of "82.3 ± 1.2"; null if there is none. */
  function numberIn(text) {
    const found = text.replaceAll(",", "").replaceAll("\u2212", "-").match(/[-+]?\d+(\.\d+)?(e[-+]?\d+)?/i);
    return found ? Number(found[0]) : null;
  }

  /** What a cell is sorted by; null if it is missing, which comes last in both directions. */
  function keyOf(cell, words) {
    const text = cell.textContent.trim();
    return text === MISSING ? null : words ? text : numberIn(text);
  }

  function compare(one, other, direction) {
    if (one === null || other === null) return (one === null) - (other === null);
    const order = typeof one === "string" ? one.localeCompare(other, "en", { numeric: true }) : one - other;
    return direction === "descending" ? -order : order;
  }

  /** Sort each body of a table by itself: baselines stay below the variants. */
  function sort(table, original, column, direction, words) {
    for (const [body, rows] of original) {
      const keyed = rows.map((row) => [keyOf(row.cells[column], words), row]);
      if (direction) keyed.sort(([one], [other]) => compare(one, other, direction));
      body.append(...keyed.map(([, row]) => row));
    }
  }

  function makeSortable(table) {
    const original = [...table.tBodies].map((body) => [body, [...body.rows]]);
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const words = head.classList.contains("words");
      const turns = words ? ["ascending", "descending", ""] : ["descending", "ascending", ""];
      const button = document.createElement("button");
      button.type = "button";
      button.title = "Sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort") || "";
        const next = turns[(turns.indexOf(now) + 1) % turns.length];
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (next) head.setAttribute("aria-sort", next);
        sort(table, original, column, next, words);
      });
    });
  }

  function makeFilterable(table) {
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    if (rows.length < LEAST_TO_FILTER) return;
    const box = document.createElement("div");
    const input = document.createElement("input");
    const count = document.createElement("output");
    box.className = "filter";
    input.type = "search";
    input.placeholder = "Filter rows";
    input.setAttribute("aria-label", "Filter rows: all words must be in a row");
    box.append(input, count);
    table.parentElement.before(box);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, at) => {
        row.hidden = !words.every((word) => texts[at].includes(word));
        shown += !row.hidden;
      });
      count.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
    });
  }

  for (const table of document.querySelectorAll("table")) {
    makeSortable(table);
    makeFilterable(table);
  }

  const folded = () => [...document.querySelectorAll("details:not(.file)")];
  addEventListener("beforeprint", () => folded().forEach((one) => one.open || one.toggleAttribute("data-printed", (one.open = true))));
  addEventListener("afterprint", () =>
    document.querySelectorAll("[data-printed]").forEach((one) => {
      one.removeAttribute("data-printed");
      one.open = false;
    }),
  );
  const opened = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let one = target; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
  };
  addEventListener("hashchange", opened);
  opened();
}
