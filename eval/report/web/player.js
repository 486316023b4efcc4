"use strict";
// Shows the frames of a sequence with the boxes of the ground truth and of the chosen trackers.
const GROUND_TRUTH = "#28dc3c";
const BRIGHT = ["#6fb0ff", "#ff9460", "#c79bf2", "#f0c04a", "#ff85bb", "#45d0dc", "#cdb39c", "#b4becb", "#98a5ff", "#ff8c8c"];
let openInPlayer = () => {};

function startPlayer() {
  if (!DATA.player.length) return;
  const canvas = byId("player-canvas");
  const context = canvas.getContext("2d");
  const [select, slider, play, speed, strip] =
    ["player-sequence", "player-slider", "player-play", "player-speed", "player-strip"].map(byId);
  const player = { clip: null, at: 0, timer: null, images: [] };

  addOptions(select, DATA.player.map((clip) => DATA.sequences[clip.sequence].name));

  const outline = (box, scale, shade, width, dash) => {
    if (!box) return;
    const [x, y, w, h] = box.map((value) => value * scale);
    context.setLineDash([]);
    context.lineWidth = width + 2;
    context.strokeStyle = "rgb(0 0 0 / 60%)";
    context.strokeRect(x, y, w, h);
    context.setLineDash(dash);
    context.lineWidth = width;
    context.strokeStyle = shade;
    context.strokeRect(x, y, w, h);
  };

  const paint = () => {
    const { clip, at } = player;
    const image = player.images[at];
    const [frameWidth, frameHeight] = clip.sizes[at]; // They may change within a video.
    // The stage is as wide as its column; small frames are enlarged up to three times.
    const room = canvas.parentElement.clientWidth || 640;
    const wide = Math.min(room, frameWidth * 3, (innerHeight * 0.68 * frameWidth) / frameHeight);
    const ratio = Math.min(3, devicePixelRatio || 1);
    canvas.width = Math.round(wide * ratio);
    canvas.height = Math.round((wide * ratio * frameHeight) / frameWidth);
    canvas.style.width = `${Math.round(wide)}px`;
    context.imageSmoothingQuality = "high";
    if (image.complete && image.naturalWidth) context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const scale = canvas.width / frameWidth;
    outline(clip.ground_truth[at], scale, GROUND_TRUTH, 2.5 * ratio, []);
    for (const tracker of [...chosenTrackers()].reverse()) {
      const dash = dashOf(tracker);
      outline(clip.boxes[tracker][at], scale, BRIGHT[tracker % COLOURS], 2 * ratio,
        dash ? dash.split(" ").map((n) => n * ratio) : []);
    }
  };

  const readout = () => {
    const { clip, at } = player;
    const body = make("tbody", {}, make("tr", {},
      make("th", { scope: "row" }, make("i", { class: "dashed", "aria-hidden": "true" }), "ground truth"),
      make("td", { class: "number" }, clip.ground_truth[at] ? "" : "none")));
    for (const tracker of chosenTrackers()) {
      body.append(make("tr", {},
        make("th", { scope: "row" }, swatch(tracker), DATA.trackers[tracker].name),
        make("td", { class: "number" }, show(clip.overlaps[tracker][at], 2))));
    }
    byId("player-readout").replaceChildren(
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Box"),
        make("th", { scope: "col", class: "number" }, "IoU"))), body);
  };

  const drawStrip = () => {
    const { clip, at } = player;
    const [width, height] = [600, 90];
    const count = clip.frames.length;
    const x = (i) => 26 + (i / Math.max(1, count - 1)) * (width - 30);
    const y = (value) => height - 8 - value * (height - 16);
    strip.replaceChildren();
    strip.setAttribute("viewBox", `0 0 ${width} ${height}`);
    for (const value of [0, 0.5, 1]) {
      strip.append(draw("line", { class: "grid", x1: 26, x2: width - 4, y1: y(value), y2: y(value) }),
        draw("text", { x: 20, y: y(value) + 4, "text-anchor": "end" }, String(value)));
    }
    for (const tracker of [...chosenTrackers()].reverse()) {
      const points = clip.overlaps[tracker]
        .map((value, i) => (known(value) ? `${x(i).toFixed(1)},${y(value).toFixed(1)}` : null))
        .filter((point) => point !== null);
      strip.append(draw("polyline", { class: "curve", points: points.join(" "), style: `stroke: ${colour(tracker)}; stroke-width: 1.6` }));
    }
    strip.append(draw("line", { class: "cursor", x1: x(at), x2: x(at), y1: 4, y2: height - 4 }));
    strip.onpointerdown = (event) => {
      const box = strip.getBoundingClientRect();
      const place = ((event.clientX - box.left) / box.width) * width;
      go(Math.round(((place - 26) / (width - 30)) * (count - 1)));
    };
  };

  const go = (index) => {
    const { clip } = player;
    player.at = Math.max(0, Math.min(clip.frames.length - 1, index));
    slider.value = String(player.at);
    const number = clip.frames[player.at];
    const text = `frame ${number} of ${clip.total}`
      + (clip.offset ? ` (number ${number + clip.offset})` : "");
    slider.setAttribute("aria-valuetext", text);
    byId("player-frame").textContent = text;
    for (const near of [player.at, player.at + 1, player.at + 2]) load(near);
    paint();
    readout();
    drawStrip();
  };

  const load = (index) => {
    const { clip, images } = player;
    if (index >= clip.frames.length || images[index]) return;
    const image = new Image();
    image.onload = () => images === player.images && index === player.at && paint();
    image.src = `data:image/jpeg;base64,${clip.images[index]}`;
    images[index] = image;
  };

  const stop = () => {
    clearInterval(player.timer);
    player.timer = null;
    play.textContent = "Play";
  };
  const start = () => {
    stop();
    if (player.at === player.clip.frames.length - 1) go(0);
    play.textContent = "Pause";
    player.timer = setInterval(() => {
      if (player.at >= player.clip.frames.length - 1) stop();
      else go(player.at + 1);
    }, 1000 / Number(speed.value));
  };
  const toggle = () => (player.timer === null ? start() : stop());

  const choose = (place) => {
    stop();
    select.value = String(place);
    player.clip = DATA.player[place];
    player.images = [];
    slider.max = String(player.clip.frames.length - 1);
    byId("player-every").textContent = player.clip.frames.length === player.clip.total
      ? "Every frame is here."
      : `${player.clip.frames.length} of ${player.clip.total} frames are in this page, evenly spread.`;
    go(0);
  };

  select.addEventListener("change", () => choose(Number(select.value)));
  slider.addEventListener("input", () => go(Number(slider.value)));
  play.addEventListener("click", toggle);
  speed.addEventListener("change", () => player.timer !== null && start());
  byId("player-previous").addEventListener("click", () => { stop(); go(player.at - 1); });
  byId("player-next").addEventListener("click", () => { stop(); go(player.at + 1); });
  byId("player-box").addEventListener("keydown", (event) => {
    const tag = event.target.tagName;
    if (tag === "SELECT" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && tag !== "BUTTON") toggle();
    else if (event.key === "ArrowRight") { stop(); go(player.at + 1); }
    else if (event.key === "ArrowLeft") { stop(); go(player.at - 1); }
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(Infinity);
    else return;
    event.preventDefault();
  });
  addEventListener("resize", () => player.clip && paint());

  openInPlayer = (sequence, trackers) => {
    if (trackers) {
      state.chosen = new Set(trackers);
      document.querySelectorAll("#chosen input").forEach((box) => {
        box.checked = state.chosen.has(Number(box.dataset.tracker));
      });
      changed();
    }
    choose(DATA.player.findIndex((clip) => clip.sequence === sequence));
    byId("player").scrollIntoView({ block: "start" });
    canvas.focus({ preventScroll: true });
  };
  choose(0);
  onChange(() => go(player.at));
}
