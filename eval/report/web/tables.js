"use strict";
// Sortable tables: those that came with the page, and the ones over trackers that are made here.

/** Value by which a cell is sorted: a number where it has one, else its text. */
function sortValue(cell) {
  if (cell.dataset.value === undefined) return cell.textContent.trim().toLowerCase();
  return cell.dataset.value === "" ? null : Number(cell.dataset.value);
}

function sortTable(table, column, direction) {
  const rows = [...table.tBodies[0].rows];
  const sign = direction === "ascending" ? 1 : -1;
  const values = new Map(rows.map((row) => [row, sortValue(row.cells[column])]));
  rows.sort((a, b) => {
    const [x, y] = [values.get(a), values.get(b)];
    if (x === null || y === null) return (x === null) - (y === null); // unknown ones come last
    return sign * (typeof x === "number" ? x - y : x.localeCompare(y, "en", { numeric: true }));
  });
  table.tBodies[0].append(...rows);
  [...table.tHead.rows[0].cells].forEach((cell, index) => {
    if (index === column) cell.setAttribute("aria-sort", direction);
    else cell.removeAttribute("aria-sort");
  });
}

/** Makes the column heads of a table buttons that sort it; numbers start with the largest. */
function makeSortable(table, remember = () => {}) {
  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    const button = make("button", { type: "button" });
    button.append(...cell.childNodes);
    cell.append(button);
    button.addEventListener("click", () => {
      const first = cell.classList.contains("number") && !cell.dataset.low ? "descending" : "ascending";
      const other = first === "descending" ? "ascending" : "descending";
      const direction = cell.getAttribute("aria-sort") === first ? other : first;
      sortTable(table, column, direction);
      remember(cell.dataset.key, direction);
    });
  });
}

/**
 * Fills a table with one row for each of `rows` and one column for each chosen tracker.
 * Its sorting outlives the next filling.
 */
function trackerTable(table, { head, rows, sort }) {
  const trackers = chosenTrackers();
  const top = make("tr");
  for (const { text, key, number } of head) {
    top.append(make("th", { scope: "col", class: number && "number", "data-key": key }, text));
  }
  for (const tracker of trackers) {
    const name = DATA.trackers[tracker].name;
    top.append(make("th", { scope: "col", class: "number", "data-key": `tracker ${tracker}` },
      swatch(tracker), name));
  }
  const body = make("tbody");
  for (const row of rows) {
    const line = make("tr", {}, ...row.cells);
    const values = trackers.map((tracker) => row.value(tracker));
    const best = (row.low ? Math.min : Math.max)(...values.filter(known));
    values.forEach((value) => {
      const share = known(value) && row.share ? `--share: ${(100 * row.share(value)).toFixed(1)}%` : null;
      const style = value === best && values.length > 1 ? "number best" : "number";
      line.append(make("td", {
        class: share ? `${style} fill` : style, style: share, "data-value": known(value) ? value : "",
      }, show(value)));
    });
    body.append(line);
  }
  const caption = table.querySelector("caption");
  table.replaceChildren(...(caption ? [caption] : []), make("thead", {}, top), body);
  makeSortable(table, (key, direction) => Object.assign(sort, { key, direction }));
  const column = [...top.cells].findIndex((cell) => cell.dataset.key === sort.key);
  if (column >= 0) sortTable(table, column, sort.direction);
}

const bounded = (value) => Math.max(0, Math.min(1, value));

/** A button that opens a sequence in the player, or its bare name if it has no frames there. */
function sequenceLink(index, trackers = null) {
  const { name } = DATA.sequences[index];
  if (!DATA.player.some((clip) => clip.sequence === index)) return document.createTextNode(name);
  return make("button", {
    type: "button", class: "go", title: "Show in the player",
    onclick: () => openInPlayer(index, trackers),
  }, name);
}

function startTables() {
  document.querySelectorAll("table.sortable").forEach((table) => makeSortable(table));

  const select = byId("measure");
  addOptions(select, DATA.measures.map((measure) => measure.title));
  select.addEventListener("change", () => {
    state.measure = Number(select.value);
    changed();
  });
  byId("sequences-table").querySelector("caption").textContent = `By sequence, ${DATA.heading}`;
  const filter = byId("filter");
  const sequencesSort = {};
  const fillSequences = () => {
    const measure = DATA.measures[state.measure];
    const wanted = filter.value.trim().toLowerCase();
    const rows = chosenSequences()
      .filter((index) => DATA.sequences[index].name.toLowerCase().includes(wanted))
      .map((index) => ({
        cells: [
          make("th", { scope: "row" }, sequenceLink(index)),
          make("td", { class: "number", "data-value": DATA.sequences[index].frames },
            String(DATA.sequences[index].frames)),
        ],
        value: (tracker) => DATA.values[measure.key][tracker][index],
        share: measure.bounded ? bounded : null, low: measure.low,
      }));
    trackerTable(byId("sequences-table"), {
      head: [{ text: "Sequence", key: "name" }, { text: "Frames", key: "frames", number: true }],
      rows, sort: sequencesSort,
    });
    byId("sequences-count").textContent = `${rows.length} of ${DATA.sequences.length} sequences`;
  };
  filter.addEventListener("input", fillSequences);
  onChange(fillSequences);

  const attributesTable = byId("attributes-table");
  if (!attributesTable) return;
  const attributesSort = {};
  onChange(() => {
    const measure = DATA.measures[state.measure];
    const rows = DATA.attributes.map((attribute) => {
      const sequences = DATA.sequences.map((_, index) => index)
        .filter((index) => DATA.sequences[index].attributes.includes(attribute.key));
      return {
        cells: [
          make("th", { scope: "row" }, attribute.title),
          make("td", { class: "number", "data-value": attribute.count }, String(attribute.count)),
        ],
        value: (tracker) => scoreOf(measure, tracker, sequences),
        share: measure.bounded ? bounded : null, low: measure.low,
      };
    });
    attributesTable.querySelector("caption").textContent = `${measure.title} by attribute, ${DATA.heading}`;
    trackerTable(attributesTable, {
      head: [{ text: "Attribute", key: "name" }, { text: "Sequences", key: "count", number: true }],
      rows, sort: attributesSort,
    });
  });
}
