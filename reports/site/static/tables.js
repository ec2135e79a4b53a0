/* Tables that are sorted by a click on a column's name: up, down, and as they were. Rows that belong to the one above
   (ours under a printed row) move with it, and a sum stays at the end. */
const UNITS = { K: 1e3, M: 1e6, G: 1e9 };
// A figure with what may stand behind it: a unit, marks, an interval, a number of runs.
const FIGURE = /^([+-]?\d[\d,]*(?:\.\d+)?)\s*([KMG]?)\s*[%†*×✓✗]*\s*(?:$|±|\(|cut\b|to\b|of\b|\/)/;

function text(row, column) {
  return (row.cells[column]?.textContent ?? "").trim().replace(/[−\u2011]/g, "-").replace(/\u00a0/g, " ");
}

/** Return the number that a cell begins with, NaN if it is no figure, undefined if it holds nothing. */
function figure(shown) {
  if (!shown || shown.startsWith("—")) return undefined;
  const match = FIGURE.exec(shown);
  return match ? Number(match[1].replace(/,/g, "")) * (UNITS[match[2]] ?? 1) : NaN;
}

/** Return the rows in groups: each with those below it whose first cell is empty or begins with an arrow. */
function grouped(rows) {
  const groups = [];
  for (const row of rows) {
    if (groups.length && /^(↳|$)/.test(text(row, 0))) groups.at(-1).push(row);
    else groups.push([row]);
  }
  return groups;
}

function sorted(groups, column, direction) {
  const keys = groups.map((group) => ({
    group, shown: text(group[0], column), value: figure(text(group[0], column)), sum: /^(all|total)\b/.test(text(group[0], 0)),
  }));
  const numeric = keys.every(({ value }) => !Number.isNaN(value));
  keys.sort((a, b) => {
    if (a.sum !== b.sum) return a.sum ? 1 : -1;
    if ((a.value === undefined) !== (b.value === undefined)) return a.value === undefined ? 1 : -1; // nothing: last
    const order = numeric ? (a.value ?? 0) - (b.value ?? 0) : a.shown.localeCompare(b.shown, "en", { numeric: true });
    return direction === "descending" ? -order : order;
  });
  return keys.map(({ group }) => group);
}

function makeSortable(table) {
  const body = table.tBodies[0];
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
  const original = grouped(body?.rows ?? []);
  if (original.length < 2) return;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.className = "sort";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const next = { ascending: "descending", descending: "" }[head.getAttribute("aria-sort")] ?? "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      if (next) head.setAttribute("aria-sort", next);
      body.append(...(next ? sorted(original, column, next) : original).flat());
    });
  });
}

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("article table").forEach(makeSortable));
