"use strict";
// Two trackers, sequence by sequence: where they differ most.
const SHOWN = 10; // sequences on each side, until all are asked for

function startCompare() {
  if (!byId("compare-first")) return;
  const [first, second, all] = ["compare-first", "compare-second", "compare-all"].map(byId);
  const names = DATA.trackers.map((tracker) => tracker.name);
  addOptions(first, names, DATA.pair[0]);
  addOptions(second, names, DATA.pair[1]);
  for (const control of [first, second, all]) control.addEventListener("change", changed);

  onChange(() => {
    const [a, b] = [Number(first.value), Number(second.value)];
    const measure = DATA.measures[state.measure];
    const values = DATA.values[measure.key];
    const rows = chosenSequences()
      .map((index) => ({ index, gain: values[a][index] - values[b][index] }))
      .filter((row) => known(row.gain))
      .sort((x, y) => y.gain - x.gain);
    const sign = measure.low ? -1 : 1;
    const better = rows.filter((row) => sign * row.gain > 0).length;
    const worse = rows.filter((row) => sign * row.gain < 0).length;
    const mean = average(rows.map((row) => row.index),
      (index) => values[a][index] - values[b][index]);
    const interval = state.attribute < 0 && state.measure === 0 && DATA.differences[`${a},${b}`];
    byId("compare-text").textContent = a === b
      ? "Choose two different trackers."
      : `${names[a]} is better on ${better} and worse on ${worse} of ${rows.length} sequences; `
        + `mean difference of ${measure.title} ${signed(mean)}`
        + (interval ? ` (95% interval ${signed(interval[0])} to ${signed(interval[1])}).` : ".");
    const shown = all.checked || rows.length <= 2 * SHOWN
      ? rows : [...rows.slice(0, SHOWN), ...rows.slice(-SHOWN)];
    const largest = Math.max(1e-9, ...rows.map((row) => Math.abs(row.gain)));
    byId("compare-rows").replaceChildren(...shown.map(({ index, gain }) => {
      const part = (50 * Math.abs(gain)) / largest;
      const bar = make("i", {
        style: `--tracker: ${colour(gain < 0 ? b : a)}; width: ${part}%; ${gain < 0 ? "right" : "left"}: 50%`,
      });
      return make("li", {},
        sequenceLink(index, [a, b]),
        addTip(make("span", { class: "track", "aria-hidden": "true" }, bar),
          `${DATA.sequences[index].name}\n${show(values[a][index])}  ${names[a]}\n${show(values[b][index])}  ${names[b]}`),
        make("span", { class: "value" }, signed(gain)));
    }));
    byId("compare-hidden").textContent = shown.length < rows.length
      ? `${rows.length - shown.length} sequences in the middle are not shown.` : "";
  });
}
