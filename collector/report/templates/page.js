// Draws the pictures of a collector report: each as it comes near the screen, all before printing.
// They are plain plotly figures in a <script type="application/json">; nothing else is loaded.
(() => {
  "use strict";

  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const settings = read("settings");
  const figures = read("figures");
  const darkness = window.matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Set();

  // Pixels of a line of A4 within its margins, as the style sheet sets them.
  const PAPER = 690;
  let printing = false;

  const config = {
    displaylogo: false,
    displayModeBar: "hover",
    modeBarButtons: [["toImage"]],
    locale: settings.lang,
    typesetMath: false,
    scrollZoom: false,
    doubleClick: false,
  };

  Plotly.register({
    moduleType: "locale",
    name: settings.lang,
    dictionary: { "Download plot as a PNG": settings.save, "Download plot as a png": settings.save },
    format: {},
  });

  // Colours are given by name, and only where plotly expects a colour: a company may be called so.
  const NAMED = /^var\(--([a-z-]+)\)$/;
  const isColour = (key) => /colou?r(scale)?$/.test(key);

  function coloured(value, palette, inColour) {
    if (typeof value === "string") {
      const name = inColour && NAMED.exec(value);
      return name ? palette[name[1]] : value;
    }
    if (Array.isArray(value)) {
      return inColour || value.some((item) => item !== null && typeof item === "object")
        ? value.map((item) => coloured(item, palette, inColour))
        : value;
    }
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, coloured(item, palette, isColour(key))])
      );
    }
    return value;
  }

  // Leaves out labels of the x axis that would run into each other.
  function thin(axis, room, label) {
    const fitting = Math.max(1, Math.floor(room / label));
    const places = axis.tickvals.length;
    const step = Math.ceil(places / fitting);
    // The last ones would be cut off by the edge.
    const inside = (place) => ((places - place - 0.5) * room) / places > label / 2 - 12;
    const kept = (_, place) => place % step === 0 && (place === 0 || inside(place));
    axis.tickvals = axis.tickvals.filter(kept);
    axis.ticktext = axis.ticktext.filter(kept);
  }

  // Marks are given as shares of a tile; how many pixels that is depends on the screen.
  function sizeMarks(traces, map, width) {
    const tile = Math.min((width - map.left - 24) / map.columns, map.height / map.rows);
    const largest = Math.max(3, Math.min(14, 0.78 * tile));
    for (const trace of traces) {
      if (trace.marker) trace.marker.sizeref = 1 / largest;
      if (trace.type === "heatmap" && tile < 4) trace.xgap = trace.ygap = 0.5;
    }
  }

  // Bars end so that what is written at the ends of the longest is not cut off.
  function makeRoom(axis, ends, width) {
    const room = Math.max(40, width - ends.left - ends.before - ends.after - 24);
    const [low, high] = axis.range;
    const pixel = (high - low) / room;
    axis.range = [low - ends.before * pixel, high + ends.after * pixel];
  }

  function draw(plot) {
    const width = printing ? PAPER : plot.clientWidth;
    if (plot.clientWidth === 0) return;
    const palette = darkness.matches && !printing ? settings.dark : settings.light;
    const figure = coloured(figures[plot.dataset.figure], palette, false);
    const layout = { ...figure.layout, width };
    const meta = layout.meta || {};
    if (meta.map) sizeMarks(figure.data, meta.map, width);
    if (meta.ends) makeRoom(layout.xaxis, meta.ends, width);
    if (meta.label) thin(layout.xaxis, width - (meta.map ? meta.map.left : 60), meta.label);
    if (layout.xaxis.type === "date") layout.xaxis.nticks = Math.ceil(width / 130);
    drawn.add(plot);
    Plotly.react(plot, figure.data, layout, {
      ...config,
      toImageButtonOptions: { filename: `collector-${plot.dataset.figure}`, scale: 2 },
    });
  }

  const redraw = () => drawn.forEach(draw);

  const plots = [...document.querySelectorAll(".plot")];

  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting && !drawn.has(entry.target)) draw(entry.target);
      }
    },
    { rootMargin: "400px" }
  );
  plots.forEach((plot) => watcher.observe(plot));

  darkness.addEventListener("change", redraw);

  let width = window.innerWidth;
  let pending = 0;
  window.addEventListener("resize", () => {
    // A phone that hides its address bar changes the height only.
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(redraw);
  });

  // Short tables are printed, long ones are not; afterwards all is as it was.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    printing = true;
    opened = [...document.querySelectorAll("details[data-print]:not([open])")];
    opened.forEach((one) => (one.open = true));
    plots.forEach(draw);
  });
  window.addEventListener("afterprint", () => {
    printing = false;
    opened.forEach((one) => (one.open = false));
    redraw();
  });
})();
