"use strict";
// Curves, drawn as SVG: success and precision, EAO, and speed against accuracy.
const FRAME = { width: 460, height: 330, left: 46, right: 10, top: 10, bottom: 42 };

/** Round steps for an axis from 0 (or `low`) to `high`. */
function ticks(low, high, count = 5) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= raw * 0.999);
  const values = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9; i += 1) values.push(i * step);
  return values;
}

const tickText = (value) => String(Number(value.toPrecision(6)));

/** Axes with grid; gives the functions from values to places. */
function axes(svg, { xLow = 0, xHigh, yLow = 0, yHigh, xTitle, yTitle, xTicks = null, log = false }) {
  const { width, height, left, right, top, bottom } = FRAME;
  const along = log ? Math.log : (value) => value;
  const x = (value) =>
    left + ((along(value) - along(xLow)) / (along(xHigh) - along(xLow))) * (width - left - right);
  const y = (value) => height - bottom - ((value - yLow) / (yHigh - yLow)) * (height - top - bottom);
  for (const value of ticks(yLow, yHigh)) {
    svg.append(
      draw("line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }),
      draw("text", { x: left - 7, y: y(value) + 4, "text-anchor": "end" }, tickText(value)),
    );
  }
  for (const value of xTicks || ticks(xLow, xHigh)) {
    svg.append(
      draw("line", { class: "grid", x1: x(value), x2: x(value), y1: top, y2: height - bottom }),
      draw("text", { x: x(value), y: height - bottom + 17, "text-anchor": "middle" }, tickText(value)),
    );
  }
  svg.append(
    draw("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }),
    draw("line", { class: "axis", x1: left, x2: left, y1: top, y2: height - bottom }),
    draw("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, xTitle),
    draw("text", {
      transform: `translate(12 ${(top + height - bottom) / 2}) rotate(-90)`, "text-anchor": "middle",
    }, yTitle),
  );
  return { x, y };
}

/** The legend: best first, each with its score, its colour and its dashes. */
function legend(series) {
  const list = make("ol", { class: "legend" });
  for (const one of series) {
    list.append(make("li", {},
      draw("svg", { width: 34, height: 10, "aria-hidden": "true" }, draw("line", {
        x1: 1, x2: 33, y1: 5, y2: 5, "stroke-width": 3, "stroke-dasharray": one.dash,
        style: `stroke: ${one.colour}`,
      })),
      make("b", {}, one.scoreText), one.name));
  }
  return list;
}

/**
 * A plot of curves over common places on the x axis, with a cursor that follows the pointer, or the
 * arrow keys.
 * series: [{name, colour, dash, y, score, scoreText}]
 */
function lineChart(figure, { title, detail = "", x: places, xTitle, yTitle, yHigh = 1, series, xText = tickText, mark = null }) {
  series.sort((a, b) => (b.score ?? -1) - (a.score ?? -1));
  const svg = draw("svg", {
    class: "chart", viewBox: `0 0 ${FRAME.width} ${FRAME.height}`, role: "img", tabindex: "0",
    "aria-label": `${title}, ${detail}. ${series.map((one) => `${one.name} ${one.scoreText}`).join(", ")}. `
      + "Arrow keys read the values.",
  });
  const last = places.length - 1;
  const { x, y } = axes(svg, { xLow: places[0], xHigh: places[last], yHigh, xTitle, yTitle });
  if (mark !== null) {
    const [low, high] = mark.map((value) => Math.min(Math.max(value, places[0]), places[last]));
    svg.append(draw("rect", {
      x: x(low), y: FRAME.top, width: Math.max(1, x(high) - x(low)),
      height: FRAME.height - FRAME.top - FRAME.bottom, style: "fill: var(--bar); opacity: .55",
    }));
  }
  for (const one of [...series].reverse()) { // the best is drawn last, on top
    const points = one.y.map((value, i) => (known(value) ? `${x(places[i]).toFixed(1)},${y(value).toFixed(1)}` : null));
    svg.append(draw("polyline", {
      class: "curve", points: points.filter((p) => p !== null).join(" "),
      style: `stroke: ${one.colour}`, "stroke-dasharray": one.dash,
    }));
  }
  const cursor = draw("line", { class: "cursor", y1: FRAME.top, y2: FRAME.height - FRAME.bottom, visibility: "hidden" });
  svg.append(cursor);
  let at = -1;
  const moveTo = (index, clientX, clientY) => {
    at = Math.max(0, Math.min(last, index));
    cursor.setAttribute("x1", x(places[at]));
    cursor.setAttribute("x2", x(places[at]));
    cursor.setAttribute("visibility", "visible");
    const lines = [...series].sort((a, b) => (b.y[at] ?? -1) - (a.y[at] ?? -1))
      .map((one) => `${show(one.y[at])}  ${one.name}`);
    tip([`${xTitle}: ${xText(places[at])}`, ...lines].join("\n"), clientX, clientY);
  };
  const leave = () => {
    cursor.setAttribute("visibility", "hidden");
    tip(null);
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * FRAME.width;
    let nearest = 0;
    places.forEach((value, i) => {
      if (Math.abs(x(value) - place) < Math.abs(x(places[nearest]) - place)) nearest = i;
    });
    moveTo(nearest, event.clientX, event.clientY);
  });
  svg.addEventListener("pointerleave", leave);
  svg.addEventListener("blur", leave);
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const box = svg.getBoundingClientRect();
    moveTo(at + step, box.left + (x(places[Math.max(0, Math.min(last, at + step))]) / FRAME.width) * box.width, box.top);
  });
  figure.replaceChildren(make("figcaption", {}, title, make("small", {}, detail)), svg, legend(series));
}

/** A tracker's mean curve over some sequences. */
function meanCurve(curve, tracker, sequences) {
  return curve.x.map((_, i) =>
    average(sequences, (index) => curve.data[tracker][index][i] / curve.scale));
}

const style = (tracker) => ({
  name: DATA.trackers[tracker].name,
  colour: colour(tracker),
  dash: dashOf(tracker),
});

function startCurves() {
  if (!byId("curves-charts")) return;
  const figures = DATA.curves.map(() => make("figure"));
  byId("curves-charts").append(...figures);
  onChange(() => {
    const sequences = chosenSequences();
    DATA.curves.forEach((curve, place) => {
      const measure = DATA.measures.find((one) => one.key === curve.measure);
      const what = state.attribute < 0
        ? DATA.heading
        : `${DATA.attributes[state.attribute].title} (${sequences.length}), ${DATA.heading}`;
      lineChart(figures[place], {
        title: curve.title, detail: what,
        x: curve.x, xTitle: curve.x_title, yTitle: curve.y_title,
        series: chosenTrackers().map((tracker) => {
          const score = measure ? scoreOf(measure, tracker, sequences) : null;
          return { ...style(tracker), y: meanCurve(curve, tracker, sequences), score, scoreText: show(score) };
        }),
      });
    });
  });
}

function startVot() {
  if (!DATA.vot || !byId("vot-charts")) return;
  const figure = make("figure");
  byId("vot-charts").append(figure);
  onChange(() => {
    const highest = Math.max(0.1, ...DATA.vot.curves.flat().filter(known));
    lineChart(figure, {
      title: "Expected average overlap", detail: `by sequence length, ${DATA.heading}`, x: DATA.vot.lengths,
      xTitle: "Sequence length (frames)", yTitle: "Expected overlap",
      yHigh: Math.min(1, Math.ceil(highest * 10) / 10), mark: DATA.vot.interval,
      series: chosenTrackers().filter((tracker) => DATA.vot.eao[tracker] !== null).map((tracker) => ({
        ...style(tracker), y: DATA.vot.curves[tracker], score: DATA.vot.eao[tracker],
        scoreText: show(DATA.vot.eao[tracker]),
      })),
    });
  });
}

function startSpeed() {
  const figure = byId("speed-chart");
  if (!figure) return;
  onChange(() => {
    const measure = DATA.measures[0];
    const sequences = chosenSequences();
    const points = chosenTrackers()
      .map((tracker) => ({ tracker, fps: DATA.trackers[tracker].fps, score: scoreOf(measure, tracker, sequences) }))
      .filter((point) => known(point.fps) && point.fps > 0 && known(point.score));
    const svg = draw("svg", { class: "chart", viewBox: `0 0 ${FRAME.width} ${FRAME.height}`, role: "group",
      "aria-label": `Speed against ${measure.title}` });
    figure.replaceChildren(make("figcaption", {}, `${measure.title} against speed`, make("small", {}, DATA.heading)), svg);
    if (!points.length) return;
    const speeds = points.map((point) => point.fps);
    const [low, high] = [Math.min(...speeds) / 1.6, Math.max(...speeds) * 1.6];
    const marks = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6]
      .filter((value) => value >= low && value <= high);
    const scores = points.map((point) => point.score);
    const { x, y } = axes(svg, {
      xLow: low, xHigh: high, xTicks: marks.filter((_, i) => marks.length < 9 || i % 2 === 0), log: true,
      yLow: Math.max(0, Math.floor(Math.min(...scores) * 10 - 0.5) / 10),
      yHigh: Math.min(1, Math.ceil(Math.max(...scores) * 10 + 0.3) / 10),
      xTitle: "Frames a second (tracking alone, log scale)", yTitle: measure.title,
    });
    const placed = [];
    const names = []; // drawn last, so that no dot hides them
    for (const { tracker, fps, score } of points) {
      const { name } = DATA.trackers[tracker];
      const group = draw("g", { tabindex: "0", role: "img", "aria-label": `${name}: ${show(score)}, ${show(fps, 1)} frames a second` });
      const right = x(fps) > FRAME.width * 0.6;
      let lower = y(score) + 4;
      while (placed.some((other) => Math.abs(other - lower) < 13)) lower += 13;
      placed.push(lower);
      group.append(draw("circle", {
        cx: x(fps), cy: y(score), r: 6.5, style: `fill: ${colour(tracker)}; stroke: var(--card); stroke-width: 1.5`,
      }));
      names.push(draw("text", {
        class: "name", x: x(fps) + (right ? -11 : 11), y: lower, "text-anchor": right ? "end" : "start",
      }, name));
      svg.append(addTip(group, `${name}\n${measure.title} ${show(score)}\n${show(fps, 1)} frames a second`));
    }
    svg.append(...names);
  });
}
