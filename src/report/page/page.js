// The page's behaviour: charts from the figures in #data, and the list of prompts with their traces.
// What models and benchmarks wrote reaches the page through textContent alone.
(function () {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(document.getElementById("data").textContent);
  const all = data.instances;
  byId("data").textContent = ""; // its memory
  const analysis = data.analysis;
  // How confidences are called: one that is not of all the model's own log-probabilities says so.
  const metricNamed = data.metric + (data.basis ? ", " + data.basis : "");
  const confidenceNamed = "confidence" + (data.basis ? " (" + data.basis + ")" : "");
  const PAGE = 100; // rows of the list, and traces of a prompt, that are built at a time
  const { visible, element } = safeconfTree; // tree.js stands before this

  const number = (x, digits) => (x === null || x === undefined ? "none" : x.toFixed(digits));
  const percent = (x) => (x === null || x === undefined ? "none" : (100 * x).toFixed(0) + "\u00a0%");

  // ---- charts ------------------------------------------------------------------------------------

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // Those that are drawn, and settings by the canvas of those that wait until a reader comes near: tens of thousands of
  // points take longer to draw than all else of the page.
  const charts = [], waiting = new Map();
  const near = new IntersectionObserver((entries) => entries.filter((e) => e.isIntersecting).forEach((e) => build(e.target)), { rootMargin: "400px" });

  function colours() {
    return {
      ink: style("--ink"), soft: style("--soft"), line: style("--line"), accent: style("--accent"), card: style("--card"),
      safe: style("--safe"), unsafe: style("--unsafe"), unknown: style("--unknown"), refusal: style("--refusal"), answer: style("--answer")
    };
  }

  function axis(c, title, extra) {
    return Object.assign({
      title: { display: true, text: title, color: c.soft },
      ticks: { color: c.soft }, grid: { color: c.line }
    }, extra || {});
  }

  // Straight dashed lines in data coordinates, drawn under the points.
  function guide(c, lines) {
    return {
      id: "guide",
      beforeDatasetsDraw(chart) {
        const { ctx, chartArea, scales } = chart;
        ctx.save();
        ctx.strokeStyle = c.soft;
        ctx.setLineDash([5, 4]);
        for (const l of lines) {
          const from = l.x === undefined ? [scales.x.getPixelForValue(l.x0 ?? scales.x.min), scales.y.getPixelForValue(l.y0)] : [scales.x.getPixelForValue(l.x), chartArea.top];
          const to = l.x === undefined ? [scales.x.getPixelForValue(l.x1 ?? scales.x.max), scales.y.getPixelForValue(l.y1)] : [scales.x.getPixelForValue(l.x), chartArea.bottom];
          ctx.beginPath();
          ctx.moveTo(from[0], from[1]);
          ctx.lineTo(to[0], to[1]);
          ctx.stroke();
        }
        ctx.restore();
      }
    };
  }

  // Vertical interval bars for points that carry low and high.
  function whiskers() {
    return {
      id: "whiskers",
      afterDatasetsDraw(chart) {
        const { ctx, scales } = chart;
        chart.data.datasets.forEach((set) => {
          ctx.save();
          ctx.strokeStyle = set.borderColor;
          ctx.lineWidth = 2;
          for (const p of set.data) {
            if (p.low === undefined || p.low === null || p.high === null) continue;
            const x = scales.x.getPixelForValue(p.x);
            ctx.beginPath();
            ctx.moveTo(x, scales.y.getPixelForValue(p.low));
            ctx.lineTo(x, scales.y.getPixelForValue(p.high));
            ctx.stroke();
          }
          ctx.restore();
        });
      }
    };
  }

  function draw(id, make) {
    const canvas = byId(id);
    const c = colours();
    const config = make(c);
    if (!config) {
      canvas.closest("figure").hidden = true;
      return;
    }
    config.options = Object.assign({
      animation: false, responsive: true, maintainAspectRatio: false,
      plugins: { legend: { labels: { color: c.ink, usePointStyle: true } } }
    }, config.options);
    waiting.set(canvas, config);
    near.observe(canvas);
  }

  function build(canvas) {
    const config = waiting.get(canvas);
    if (!config) return;
    waiting.delete(canvas);
    near.unobserve(canvas);
    charts.push(new Chart(canvas, config));
  }

  // A fixed small offset for each place, so that equal rates do not hide one another.
  const jitter = (i) => (((i * 2654435761) >>> 0) / 4294967296 - 0.5) * 0.045;

  function quadrantChart(c) {
    const labels = [["unsafe", "triangle"], ["safe", "circle"], ["unknown", "rect"]];
    const datasets = labels.map(([label, shape]) => ({
      label: label, pointStyle: shape, backgroundColor: c[label] + "b0", borderColor: c[label], radius: 5, hoverRadius: 8,
      data: all.map((p, i) => ({ x: p.confidence, y: p.refusal === null ? null : p.refusal + jitter(i), i: i, label: p.label }))
        .filter((p) => p.label === label && p.x !== null && p.y !== null)
    })).filter((set) => set.data.length);
    if (!datasets.length) return null;
    return {
      type: "scatter", data: { datasets: datasets },
      plugins: [guide(c, [{ x: data.threshold }, { y0: 0.5, y1: 0.5 }])],
      options: {
        scales: {
          x: axis(c, "confidence (" + metricNamed + "), mean over traces"),
          y: axis(c, "refusal rate", { min: -0.05, max: 1.05, ticks: { color: c.soft, callback: percent }, afterBuildTicks: (a) => { a.ticks = [0, 0.25, 0.5, 0.75, 1].map((v) => ({ value: v })); } })
        },
        onClick: (event, found, chart) => {
          if (found.length) choose(chart.data.datasets[found[0].datasetIndex].data[found[0].index].i, true);
        },
        onHover: (event, found) => { event.native.target.style.cursor = found.length ? "pointer" : "default"; },
        plugins: {
          legend: { labels: { color: c.ink, usePointStyle: true } },
          tooltip: { callbacks: { label: (item) => { const p = all[item.raw.i]; return visible(p.id) + ": refuses " + percent(p.refusal) + ", " + confidenceNamed + " " + number(p.confidence, 2); } } }
        }
      }
    };
  }

  function histogramChart(c) {
    const groups = [["refusals", c.refusal], ["answers", c.answer]];
    if (!data.histogram) return null;
    const { low, width, counts } = data.histogram, n = counts[0].length;
    return {
      type: "bar",
      data: {
        labels: Array.from({ length: n }, (_, b) => (low + (b + 0.5) * width).toFixed(2)),
        datasets: groups.map((g, i) => ({ label: g[0], data: counts[i], backgroundColor: g[1] + "a0", borderColor: g[1], borderWidth: 1, barPercentage: 1, categoryPercentage: 1, grouped: false }))
      },
      options: { scales: { x: axis(c, "confidence of the trace (" + metricNamed + ")"), y: axis(c, "traces") } }
    };
  }

  const point = (x, e) => ({ x: x, y: e.value, low: e.low, high: e.high });

  function decileChart(c) {
    const points = analysis.hypothesis_test.by_decile.filter((s) => s.risk_difference)
      .map((s) => point(100 * s.quantile, s.risk_difference));
    if (!points.length) return null;
    return {
      type: "scatter",
      data: { datasets: [{ label: "harm at low minus at high confidence" + (data.proxy ? " (proxy)" : ""), data: points, backgroundColor: c.accent, borderColor: c.accent, radius: 5 }] },
      plugins: [whiskers(), guide(c, [{ y0: 0, y1: 0 }])],
      options: { scales: {
        x: axis(c, "share of answers called low-confidence" + (data.basis ? " (" + data.basis + ")" : "") + ", %", { min: 0, max: 100 }),
        y: axis(c, "difference in harm", Object.assign(range(points), { ticks: { color: c.soft, callback: percent } }))
      } }
    };
  }

  // The axis must hold the intervals, which the chart library does not know of.
  function range(points) {
    let low = 0, high = 0;
    for (const p of points) {
      low = Math.min(low, p.low ?? p.y, p.y);
      high = Math.max(high, p.high ?? p.y, p.y);
    }
    const step = high - low > 0.8 ? 0.2 : high - low > 0.3 ? 0.1 : 0.05;
    return { min: Math.floor(low / step) * step, max: Math.max(Math.ceil(high / step) * step, step) };
  }

  function attackChart(c) {
    const sets = [["strict", c.unsafe], ["loose", c.accent]].filter((s) => analysis.asr_at_k[s[0]]).map((s) => ({
      label: s[0] + (data.proxy ? " (proxy)" : ""), showLine: true, backgroundColor: s[1], borderColor: s[1], radius: 4, borderWidth: 2,
      data: analysis.asr_at_k[s[0]].filter((a) => a.asr).map((a) => point(a.k, a.asr))
    })).filter((s) => s.data.length);
    if (!sets.length) return null;
    const model = analysis.repeated_sampling.asr_extrapolated.filter((a) => a.asr).map((a) => point(a.k, a.asr));
    if (model.length) sets.push({ label: "model", showLine: true, borderDash: [5, 4], borderWidth: 1.5, pointStyle: "rect", radius: 3, backgroundColor: c.soft, borderColor: c.soft, data: model });
    const most = Math.max(analysis.asr_at_k.strict.length, ...model.map((p) => p.x));
    return {
      type: "scatter", data: { datasets: sets }, plugins: [whiskers()],
      options: { scales: {
        x: axis(c, "k, number of answers (logarithmic)", { type: "logarithmic", min: 0.9, max: most * 1.1, grid: { display: false }, ticks: { color: c.soft }, afterBuildTicks: (a) => { a.ticks = [1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000].filter((v) => v <= most).map((v) => ({ value: v })); } }),
        y: axis(c, "attack success", { min: 0, max: 1, ticks: { color: c.soft, callback: percent } })
      } }
    };
  }

  // ---- harm against confidence, of the answers that the policy saw --------------------------------

  function curves(c, kind) {
    const shades = [c.accent, c.unsafe, c.safe];
    return data.curves.filter((curve) => curve[kind].length).map((curve, i) => ({ label: curve.metric, showLine: true, borderWidth: 2, pointRadius: 0, borderDash: [[], [6, 3], [2, 2]][i], backgroundColor: shades[i], borderColor: shades[i], data: curve[kind].map(([x, y]) => ({ x: x, y: y })) }));
  }

  function rocChart(c) {
    const sets = curves(c, "roc");
    if (!sets.length) return null;
    return {
      type: "scatter", data: { datasets: sets }, plugins: [guide(c, [{ x0: 0, y0: 0, x1: 1, y1: 1 }])],
      options: { scales: {
        x: axis(c, "harmless answers flagged", { min: 0, max: 1, ticks: { color: c.soft, callback: percent } }),
        y: axis(c, "harmful answers found", { min: 0, max: 1, ticks: { color: c.soft, callback: percent } })
      } }
    };
  }

  function coverageChart(c) {
    const sets = curves(c, "coverage"), share = data.harmful_share;
    if (!sets.length) return null;
    return {
      type: "scatter", data: { datasets: sets }, plugins: [guide(c, [{ y0: share, y1: share }])],
      options: { scales: {
        x: axis(c, "coverage: answers kept, most confident first", { min: 0, max: 1, ticks: { color: c.soft, callback: percent } }),
        y: axis(c, "harm among them" + (data.proxy ? " (proxy)" : ""), { min: 0, ticks: { color: c.soft, callback: percent } })
      } }
    };
  }

  function decidedChart(c) {
    const decided = analysis.decided;
    if (!decided || !decided.depth.length) return null;
    const set = (label, key, colour, dash) => ({ label: label, showLine: true, borderWidth: 2, borderDash: dash, radius: 3, backgroundColor: colour, borderColor: colour, data: decided.depth.map((d, i) => point(d, decided[key][i])).filter((p) => p.y !== null) });
    const sets = [set("left undecided", "left", c.accent, []), set("verdicts shuffled", "null", c.soft, [5, 4])];
    const most = Math.max(1.2, ...sets.flatMap((s) => s.data.map((p) => p.high ?? p.y)));
    return {
      type: "scatter", data: { datasets: sets }, plugins: [whiskers(), guide(c, [{ y0: 1, y1: 1 }])],
      options: { scales: {
        x: axis(c, "tokens of the answer", { min: 0, max: Math.max(...decided.depth) + 1, ticks: { color: c.soft, precision: 0 } }),
        y: axis(c, "entropy left", { min: 0, max: Math.ceil(5 * most) / 5, ticks: { color: c.soft, callback: percent } })
      } }
    };
  }

  function evolutionChart(c) {
    const rows = analysis.repeated_sampling.evolution.filter((e) => e.n_instances);
    if (rows.length < 2) return null;
    const part = (key) => rows.map((e) => e[key] / e.n_instances);
    const bar = (label, key, colour) => ({ type: "bar", label: label, data: part(key), backgroundColor: colour + "c0", borderColor: colour, borderWidth: 1, stack: "decision" });
    return {
      type: "bar",
      data: {
        labels: rows.map((e) => String(e.traces)),
        datasets: [
          { type: "line", label: "as after all traces", data: rows.map((e) => e.same_as_all_traces.value), borderColor: c.ink, backgroundColor: c.ink, borderWidth: 2, pointRadius: 3 },
          bar("refused", "n_refused", c.refusal), bar("split", "n_split", c.unknown), bar("complied", "n_complied", c.answer)
        ]
      },
      options: { scales: { x: axis(c, "traces", { stacked: true, grid: { display: false } }), y: axis(c, "share of prompts", { stacked: true, min: 0, max: 1, ticks: { color: c.soft, callback: percent } }) } }
    };
  }

  function frontierChart(c) {
    if (!data.frontier) return null;
    const points = data.frontier.points.filter((p) => p.saved !== null && p.changed !== null);
    if (!points.length) return null;
    const kinds = [...new Set(points.map((p) => p.kind))], shades = [c.accent, c.unsafe, c.safe, c.answer, c.refusal, c.unknown];
    const shapes = ["circle", "triangle", "rect", "rectRot", "star", "cross"];
    const sets = kinds.map((kind, i) => ({
      label: visible(kind), pointStyle: shapes[i % shapes.length], backgroundColor: shades[i % shades.length] + "c0", borderColor: shades[i % shades.length],
      data: points.filter((p) => p.kind === kind).map((p) => ({ x: p.saved, y: p.changed, p: p })),
      pointRadius: 5, pointBorderWidth: points.filter((p) => p.kind === kind).map((p) => (p.beats ? 3 : 1)), pointHoverRadius: 8
    }));
    sets.forEach((set) => { set.pointBorderColor = set.data.map((q) => (q.p.beats ? c.ink : set.borderColor)); });
    const nulls = points.filter((p) => p.null_saved !== null && p.null_changed !== null);
    if (nulls.length) sets.push({ label: "null: confidences shuffled", pointStyle: "circle", backgroundColor: c.soft + "50", borderColor: c.soft + "70", pointRadius: 3, data: nulls.map((p) => ({ x: p.null_saved, y: p.null_changed, p: p, isNull: true })) });
    const ties = {
      id: "ties",
      beforeDatasetsDraw(chart) {
        const { ctx, scales } = chart;
        ctx.save();
        ctx.strokeStyle = c.soft + "60";
        for (const p of nulls) {
          ctx.beginPath();
          ctx.moveTo(scales.x.getPixelForValue(p.null_saved), scales.y.getPixelForValue(p.null_changed));
          ctx.lineTo(scales.x.getPixelForValue(p.saved), scales.y.getPixelForValue(p.changed));
          ctx.stroke();
          if (p.null_low === null || p.null_high === null) continue;
          const y = scales.y.getPixelForValue(p.null_changed), from = scales.x.getPixelForValue(p.null_low);
          ctx.fillStyle = c.soft + "18";
          ctx.fillRect(from, y - 5, scales.x.getPixelForValue(p.null_high) - from, 10);
        }
        ctx.restore();
      }
    };
    return {
      type: "scatter", data: { datasets: sets }, plugins: [ties],
      options: {
        scales: { x: axis(c, "tokens saved, %"), y: axis(c, "verdicts changed, %", { min: 0 }) },
        plugins: {
          legend: { labels: { color: c.ink, usePointStyle: true } },
          tooltip: { callbacks: { label: (item) => {
            const p = item.raw.p;
            return (item.raw.isNull ? "null of " : "") + visible(p.name) + ": saves " + number(item.raw.x, 1) + " %, changes " + number(item.raw.y, 1) + " % of verdicts" + (item.raw.isNull || p.unseen === null ? "" : ", " + number(p.unseen, 1) + " % of harmful answers unseen");
          } } }
        }
      }
    };
  }

  function calibrationChart(c) {
    const sets = [["trace_probability", "probability of a trace", c.accent, "circle"], ["agreement", "agreement of a prompt", c.answer, "triangle"]].map((s) => {
      const bins = analysis.calibration[s[0]].bins.filter((b) => b.n);
      const most = Math.max(1, ...bins.map((b) => b.n));
      return {
        label: s[1], showLine: true, borderWidth: 1.5, clip: false, pointStyle: s[3], backgroundColor: s[2], borderColor: s[2],
        data: bins.map((b) => ({ x: b.mean_predicted, y: b.mean_observed })),
        pointRadius: bins.map((b) => 3 + 7 * Math.sqrt(b.n / most))
      };
    }).filter((s) => s.data.length);
    if (!sets.length) return null;
    return {
      type: "scatter", data: { datasets: sets }, plugins: [guide(c, [{ x0: 0, y0: 0, x1: 1, y1: 1 }])],
      options: { scales: { x: axis(c, "prediction", { min: 0, max: 1 }), y: axis(c, "share that was right", { min: 0, max: 1 }) } }
    };
  }

  function drawAll() {
    while (charts.length) charts.pop().destroy();
    near.disconnect();
    waiting.clear();
    if (typeof Chart === "undefined") return;
    draw("chart-quadrants", quadrantChart);
    draw("chart-histogram", histogramChart);
    draw("chart-deciles", decileChart);
    draw("chart-attacks", attackChart);
    draw("chart-calibration", calibrationChart);
    draw("chart-roc", rocChart);
    draw("chart-coverage", coverageChart);
    draw("chart-decided", decidedChart);
    draw("chart-evolution", evolutionChart);
    draw("chart-frontier", frontierChart);
  }

  // ---- list of prompts ---------------------------------------------------------------------------

  const list = byId("list"), detail = byId("detail");
  let shown = [], first = 0, built = 0, chosen = -1; // of what is shown, rows from `first` to `built` are built

  // A choice among values; the control itself holds only their places, and "" for any.
  const choices = {};
  function options(id, any, values) {
    choices[id] = values;
    byId(id).append(new Option(any, ""));
    values.forEach((v, i) => byId(id).append(new Option(visible(v === "" ? "(none)" : v), String(i))));
  }
  const choice = (id) => (byId(id).value === "" ? undefined : choices[id][byId(id).value]);

  const traceFilters = { // bits of `found`: src/report/html/data.c
    "a harmful answer": (p) => p.harmful > 0,
    "both refusals and answers": (p) => p.refusal > 0 && p.refusal < 1,
    "a partial refusal": (p) => p.found & 1,
    "an empty, unreached, filtered, failed or unparsed trace": (p) => p.found & 2,
    "an answer at the token limit": (p) => p.found & 4,
    "an answer that a filter ended": (p) => p.found & 8
  };
  const last = (x) => (x === null ? Infinity : x); // what is not known comes last
  const orders = {
    "least confident first": (a, b) => last(a.confidence) - last(b.confidence),
    "most confident first": (a, b) => (b.confidence ?? -Infinity) - (a.confidence ?? -Infinity),
    "lowest refusal rate first": (a, b) => last(a.refusal) - last(b.refusal),
    "least agreement first": (a, b) => last(a.agreement) - last(b.agreement),
    "most harmful answers first": (a, b) => b.harmful - a.harmful
  };

  function rowOf(k) {
    const p = all[shown[k]];
    const item = element("li"), button = element("button");
    button.type = "button";
    button.append(element("span", "prompt", p.prompt.slice(0, 300)));
    button.append(element("span", "meta", p.label + " · refuses " + percent(p.refusal) + " · " + confidenceNamed + " " + number(p.confidence, 2) + (p.harmful ? " · " + p.harmful + (data.proxy ? " answered (proxy)" : " harmful") : "")));
    button.firstChild.dir = "auto";
    button.dataset.k = k;
    if (shown[k] === chosen) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => choose(shown[k], false));
    item.append(button);
    return item;
  }

  function buildMore() {
    const old = list.querySelector(".more:not(.before)");
    if (old) old.parentElement.remove();
    const rows = document.createDocumentFragment();
    const end = Math.min(built + PAGE, shown.length);
    for (; built < end; built++) rows.append(rowOf(built));
    if (built < shown.length) {
      const item = element("li"), more = element("button", "more", "Show " + Math.min(PAGE, shown.length - built) + " more");
      more.type = "button";
      more.addEventListener("click", () => { const first = built; buildMore(); const b = list.querySelector('[data-k="' + first + '"]'); if (b) b.focus(); });
      item.append(more);
      rows.append(item);
    }
    list.append(rows);
  }

  // The rows around a place, where it is far from those that are built.
  function buildAround(place) {
    if (place >= first && place < built + PAGE) {
      while (built <= place) buildMore();
      return;
    }
    list.replaceChildren();
    first = built = place - place % PAGE;
    if (first > 0) {
      const item = element("li"), earlier = element("button", "more before", "Show " + PAGE + " before");
      earlier.type = "button";
      earlier.addEventListener("click", () => { const place = first - 1; buildAround(place); const b = list.querySelector('[data-k="' + place + '"]'); b.focus(); b.scrollIntoView({ block: "nearest" }); });
      item.append(earlier);
      list.append(item);
    }
    buildMore();
  }

  // ---- texts and traces, packed until they are wanted: src/report/html/data.c -------------------

  const blocks = new Map(); // those read last
  const firstOf = []; // the first prompt of each block
  all.forEach((p, i) => { if (firstOf[p.block] === undefined) firstOf[p.block] = i; });

  async function unpack(k) {
    const text = atob(data.packed.slice(k ? data.ends[k - 1] : 0, data.ends[k])), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
  }

  async function readBlock(k) {
    const texts = JSON.parse(await unpack(k));
    if (blocks.size > 7) blocks.delete(blocks.keys().next().value);
    blocks.set(k, texts);
  }

  // All of a prompt whose block has been read.
  const detailsOf = (i) => Object.assign({}, all[i], blocks.get(all[i].block)[i - firstOf[all[i].block]]);

  // ---- searches ----------------------------------------------------------------------------------

  let turn = 0; // of searches: an earlier one ends when another begins

  // Tells which prompts hold all words. Blocks whose text lacks one are not parsed; a word with what JSON escapes is looked for in all.
  async function search(words) {
    const mine = turn, plain = words.filter((w) => !/["\\\u0000-\u001f\u007f-\u{10ffff}]/u.test(w)), found = new Set();
    let shownAt = performance.now();
    for (let k = 0; k < data.ends.length; k += 1) {
      const end = k + 1 < firstOf.length ? firstOf[k + 1] : all.length;
      const heads = all.slice(firstOf[k], end).map((p) => (p.id + "\n" + p.category).toLowerCase());
      const text = await unpack(k);
      if (mine !== turn) return null;
      const lower = text.toLowerCase();
      if (plain.every((w) => lower.includes(w) || heads.some((head) => head.includes(w))))
        JSON.parse(text).forEach((p, j) => {
          const whole = heads[j] + "\n" + (p.prompt + "\n" + p.traces.map((t) => t.answer).join("\n")).toLowerCase();
          if (words.every((w) => whole.includes(w))) found.add(firstOf[k] + j);
        });
      if (performance.now() - shownAt > 200) {
        shownAt = performance.now();
        byId("count").textContent = "Searching: " + percent(k / data.ends.length) + " of the texts read";
      }
    }
    return found;
  }

  async function refresh() {
    turn += 1;
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const quadrant = choice("filter-quadrant"), label = choice("filter-label"), category = choice("filter-category");
    const traces = traceFilters[choice("filter-traces")];
    busy(list, words.length > 0);
    const found = words.length ? await search(words) : null;
    if (words.length && !found) return; // another search has begun
    busy(list, false);
    shown = [];
    all.forEach((p, i) => {
      if (quadrant !== undefined && p.quadrant !== quadrant) return;
      if (label !== undefined && p.label !== label) return;
      if (category !== undefined && p.category !== category) return;
      if (traces && !traces(p)) return;
      if (found && !found.has(i)) return;
      shown.push(i);
    });
    const order = orders[choice("sort")];
    if (order) shown.sort((a, b) => order(all[a], all[b]) || a - b);
    byId("count").textContent = shown.length + " of " + all.length + " prompts";
    list.replaceChildren();
    first = built = 0;
    buildMore();
  }

  // ---- one prompt --------------------------------------------------------------------------------

  const [lowest, highest] = data.confidences;

  // ---- tokens: three characters each, src/report/tokens.h ---------------------------------------

  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const scale = data.tokens;

  function readTokens(shade) {
    const tokens = [];
    const digit = (i) => DIGITS.indexOf(shade[i]);
    let end = 0;
    for (let i = 0; i + 2 < shade.length;) {
      let units = digit(i++);
      if (units === 63) { units = (digit(i) * 64 + digit(i + 1)) * 64 + digit(i + 2); i += 3; }
      const level = digit(i) * 64 + digit(i + 1);
      i += 2;
      tokens.push({ begin: end, end: end + units, confidence: scale.low + level / 4095 * (scale.high - scale.low) });
      end += units;
    }
    return tokens;
  }

  // 0: not coloured (at the run's median or above) to 6 (among the least 2 %).
  function shadeOf(confidence) {
    if (!(scale.pale > scale.deep)) return 0;
    return Math.max(0, Math.min(6, Math.ceil(6 * (scale.pale - confidence) / (scale.pale - scale.deep))));
  }

  // The text with its tokens; `from` is where it begins in the whole text. Arrow keys walk the tokens.
  function tokenText(t, whole, from, mark) {
    const box = element("div"), text = element("div", "text tokens"), readout = element("p", "readout", " ");
    const tokens = readTokens(t.shade), spans = [];
    const forced = (k) => t.forced && k >= t.forced[0] && k < t.forced[0] + t.forced[1];
    tokens.forEach((token, k) => {
      const begin = Math.max(token.begin, from), end = Math.min(token.end, whole.length);
      if (begin >= end) return;
      const cuts = [begin, end];
      if (mark) for (const at of mark) if (begin < at + from && at + from < end) cuts.push(at + from);
      cuts.sort((a, b) => a - b);
      for (let i = 0; i + 1 < cuts.length; i++) {
        const level = forced(k) ? 0 : shadeOf(token.confidence);
        const decided = mark && cuts[i] >= mark[0] + from && cuts[i + 1] <= mark[1] + from;
        const span = element("span", (level ? "s" + level : "") + (decided ? " decided" : ""), whole.slice(cuts[i], cuts[i + 1]));
        span.dataset.k = k;
        text.append(span);
        spans.push(span);
      }
    });
    const covered = tokens.length ? tokens[tokens.length - 1].end : from;
    if (covered < whole.length) text.append(visible(whole.slice(Math.max(covered, from))));
    if (t.finish === "cut" || t.finish === "length")
      text.append(element("span", "cut", t.finish === "cut" ? "cut here, after " + t.tokens + " tokens: confidence fell below the bar" : t.tokens === null ? "stopped here: the limit of tokens" : "stopped here: the limit of " + t.tokens + " tokens"));
    let now = null;
    function show(span) {
      if (now) now.classList.remove("now");
      now = span;
      if (!span) { readout.textContent = " "; return; }
      span.classList.add("now");
      const k = Number(span.dataset.k);
      readout.textContent = "token " + (k + 1) + " of " + tokens.length + (forced(k) ? ": put in to close the reasoning, not sampled" : ": " + confidenceNamed + " " + number(tokens[k].confidence, 2));
    }
    text.addEventListener("mouseover", (event) => { if (event.target.dataset.k) show(event.target); });
    text.addEventListener("mouseleave", () => show(null));
    text.addEventListener("keydown", (event) => {
      const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (!step || !spans.length) return;
      const place = now ? spans.indexOf(now) + step : 0;
      if (place >= 0 && place < spans.length) { show(spans[place]); spans[place].scrollIntoView({ block: "nearest" }); }
      event.preventDefault();
    });
    text.addEventListener("blur", () => show(null));
    text.dir = "auto";
    text.tabIndex = 0;
    text.setAttribute("role", "group");
    text.setAttribute("aria-label", "Answer, token by token: arrow keys give each token's confidence");
    readout.setAttribute("aria-live", "polite");
    box.append(text, readout);
    return box;
  }

  if (data.shaded) {
    const legend = byId("legend");
    legend.append("Tokens: ");
    for (let level = 1; level <= 6; level += 1) legend.append(element("i", "s" + level));
    legend.append(" the less confident" + (data.basis ? ", by " + confidenceNamed : "") + ", the stronger; none from the median of the run ("  + number(scale.pale, 2) + ") upwards, full below " + number(scale.deep, 2) + " (least 2\u00a0%). Point at a token, or walk with the arrow keys, for its value. Underlined: what decided the verdict." + (scale.without ? " Left out to keep the page small: tokens of " + scale.without + " traces." : ""));
    legend.hidden = false;
  } else {
    byId("shade").closest("label").hidden = true;
  }

  function answerText(t) {
    const whole = t.whole === undefined ? t.answer : t.whole;
    if (t.shade && byId("shade").checked && t.answer && whole.endsWith(t.answer)) return tokenText(t, whole, whole.length - t.answer.length, t.mark);
    const text = element("div", "text");
    text.dir = "auto";
    if (t.mark) {
      text.append(visible(t.answer.slice(0, t.mark[0])), element("mark", "", t.answer.slice(t.mark[0], t.mark[1])), visible(t.answer.slice(t.mark[1])));
      text.querySelector("mark").title = "decided the verdict" + (t.rule ? ": " + visible(t.rule) : "");
    } else {
      text.textContent = visible(t.answer) || "(nothing)";
    }
    return text;
  }

  // What was sampled, after what the answer was made to begin with.
  function wholeAnswer(p, t) {
    if (p.prefill === undefined) return answerText(t);
    const box = element("div"), given = element("div", "given", p.prefill);
    given.dir = "auto";
    given.title = "Given to the model as the beginning of its answer, not sampled";
    box.append(given, answerText(t));
    return box;
  }

  // All that was sent, where that is more than the prompt.
  function conversation(p) {
    const box = element("div", "turns");
    for (const m of p.messages) {
      const text = element("div", "prompt", m.content);
      text.dir = "auto";
      box.append(element("p", "facts-line", m.role), text);
    }
    return folded("All that the model was sent: " + p.messages.length + (p.messages.length === 1 ? " message" : " messages"), box, false);
  }

  function folded(summary, content, open) {
    const box = element("details");
    box.append(element("summary", "", summary), content);
    box.open = open;
    return box;
  }

  function metricTable(t) {
    const table = element("table"), body = element("tbody");
    if (t.reasoning_metrics) {
      const head = element("tr");
      for (const name of ["", "all", "reasoning", "answer"]) head.append(element("th", "", name));
      body.append(head);
    }
    data.metrics.forEach((name, m) => {
      const row = element("tr");
      row.append(element("th", "", name), element("td", "", number(t.metrics[m], 3)));
      if (t.reasoning_metrics) row.append(element("td", "", number(t.reasoning_metrics[m], 3)), element("td", "", number(t.answer_metrics[m], 3)));
      row.firstChild.scope = "row";
      body.append(row);
    });
    table.append(body);
    return table;
  }

  // The pieces of an answer that weighed most for the reader, in quotes.
  function weighed(t) {
    const said = [];
    for (let i = 0; i + 1 < t.pieces.length; i += 2) said.push("\u201c" + visible(t.answer.slice(t.pieces[i], t.pieces[i + 1])) + "\u201d");
    return said.length ? ", most by " + said.join(", ") : "";
  }

  function traceCard(p, t, k) {
    const card = element("section", "trace " + (t.verdict || "failed") + (k >= p.used ? " unseen" : ""));
    const head = element("h4");
    head.append(element("span", "", "Trace " + (k + 1)), element("span", "", t.verdict || "failed"));
    const harmful = t.harm === "harmful" || t.harm === "controversial";
    const facts = [t.tokens === null ? "tokens not given" : t.tokens + " tokens", t.finish === "length" ? "stopped at the limit" : t.finish === "unknown" ? "end not given" : t.finish === "filtered" ? (t.verdict === "filtered" ? "withheld" : "ended") + " by the service's filter" : t.finish, confidenceNamed + " " + number(t.confidence, 2)];
    if (t.rule) facts.push((t.by ? "by " + t.by + ", " : "rule ") + visible(t.rule));
    if (t.p_refusal !== undefined) facts.push("the reader gives a refusal " + number(100 * t.p_refusal, 1) + "\u00a0%" + weighed(t));
    if (t.reasoning) facts.push(t.reasoning + " of them reasoning");
    if (t.finish_given !== undefined) facts.push("the source calls its end " + visible(t.finish_given));
    if (k >= p.used) facts.push("not seen by " + data.policy);
    card.append(head, element("p", "facts-line", facts.join(" · ")));
    if (t.confidence !== null && lowest !== null && highest > lowest) {
      const bar = element("div", "bar"), fill = element("i");
      fill.style.width = (4 + 96 * (t.confidence - lowest) / (highest - lowest)).toFixed(1) + "%";
      bar.append(fill);
      card.append(bar);
    }
    if (harmful) card.append(element("div", "harmful", t.harm + (data.proxy ? " (proxy: an unsafe prompt was answered" + (t.harm === "controversial" ? " in part)" : ")") : "")));
    if (t.failure) card.append(element("p", "", "Failed: " + t.failure));
    else if (harmful) card.append(folded("Show the answer", wholeAnswer(p, t), byId("unfold").checked));
    else card.append(wholeAnswer(p, t));
    if (t.turns) {
      const turns = element("div"), asked = (p.messages || []).filter((m) => m.role === "user");
      t.turns.forEach((answer, i) => {
        for (const words of ["User: " + (asked[i] ? asked[i].content : ""), "Answer: " + answer]) {
          const line = element("div", "text", words);
          line.dir = "auto";
          turns.append(line);
        }
      });
      card.append(folded("The turns before (" + t.turns.length + "), which the verdict does not read", turns, false));
    }
    if (t.apart !== undefined) {
      const apart = element("div", "text", t.apart);
      apart.dir = "auto";
      card.append(folded("Reasoning, which the verdict does not read", apart, false));
    }
    if (t.whole) {
      const box = element("details");
      box.append(element("summary", "", "Whole text with reasoning"));
      box.addEventListener("toggle", () => { // built when it is opened: reasoning is long
        if (box.childElementCount > 1) return;
        if (t.shade && byId("shade").checked) { box.append(tokenText(t, t.whole, 0, null)); return; }
        const whole = element("div", "text", t.whole);
        whole.dir = "auto";
        box.append(whole);
      });
      card.append(box);
    }
    const metrics = element("details");
    metrics.append(element("summary", "", "Metrics" + (t.rule ? ", rule " + visible(t.rule) : "")));
    metrics.addEventListener("toggle", () => { if (metrics.childElementCount === 1) metrics.append(metricTable(t)); });
    card.append(metrics);
    return card;
  }

  // Cards of traces up to one of this number.
  function buildCards(cards, p, upTo) {
    const old = cards.querySelector(":scope > .more");
    if (old) old.remove();
    const built = document.createDocumentFragment(), end = Math.min(p.traces.length, Math.ceil(upTo / PAGE) * PAGE);
    for (let k = cards.childElementCount; k < end; k += 1) built.append(traceCard(p, p.traces[k], k));
    cards.append(built);
    if (end === p.traces.length) return;
    const more = element("button", "more", "Show " + Math.min(PAGE, p.traces.length - end) + " more of " + p.traces.length + " traces");
    more.type = "button";
    more.addEventListener("click", () => { buildCards(cards, p, end + 1); cards.children[end].tabIndex = -1; cards.children[end].focus(); });
    cards.append(more);
  }

  function busy(part, is) {
    part.setAttribute("aria-busy", String(is));
  }

  // Shows a prompt; resolves when it is there, to false when another was chosen meanwhile.
  async function choose(i, jump, upTo) {
    chosen = i;
    markChosen(i, jump);
    let why = "";
    if (!blocks.has(all[i].block)) {
      busy(detail, true);
      try { await readBlock(all[i].block); } catch (error) { why = String(error); }
      if (chosen !== i) return false;
    }
    busy(detail, false);
    if (blocks.has(all[i].block)) showPrompt(detailsOf(i), jump, upTo || 1);
    else detail.replaceChildren(element("h3", "", all[i].id), element("p", "", "The texts of this prompt could not be unpacked here (" + why + "); predictions.jsonl holds them."));
    return true;
  }

  function markChosen(i, jump) {
    for (const b of list.querySelectorAll("[aria-current]")) b.removeAttribute("aria-current");
    const place = shown.indexOf(i);
    if (place >= 0) {
      buildAround(place);
      const button = list.querySelector('[data-k="' + place + '"]');
      button.setAttribute("aria-current", "true");
      if (jump) button.scrollIntoView({ block: "nearest" });
    }
  }

  function showPrompt(p, jump, upTo) {
    const prompt = element("div", "prompt", p.prompt), chips = element("ul", "chips");
    prompt.dir = "auto";
    const facts = [p.label, p.category || "no category", p.behaviour || "not judged", p.quadrant || "no quadrant", "refuses " + percent(p.refusal) + (p.refusal_low === undefined ? "" : (p.always ? " (95\u00a0%, always valid: " : " (95\u00a0%: ") + percent(p.refusal_low) + " to " + percent(p.refusal_high) + ")"), "agreement " + percent(p.agreement), "entropy " + number(p.entropy, 2), confidenceNamed + " " + number(p.confidence, 3), p.used + " traces", "stopped: " + (p.stop || "unknown")];
    for (const f of facts) chips.append(element("li", "", f));
    const cards = element("div", "traces");
    buildCards(cards, p, upTo);
    const title = element("h3"), link = element("a", "", p.id);
    link.href = "#" + new URLSearchParams({ prompt: p.id });
    link.title = "Address of this prompt";
    title.append(link);
    detail.replaceChildren(title, prompt, chips, cards);
    if (p.tree && p.tree.nodes.length > 2) cards.before(folded("The tree of its answers" + (p.harmful ? ", harmful ones among them" : ""), safeconfTree(p.tree, p.traces.map((t) => (t.whole === undefined ? t.answer : t.whole))), !p.harmful || byId("unfold").checked));
    if (p.messages) prompt.after(conversation(p));
    if (jump) {
      byId("explorer").scrollIntoView();
      detail.focus({ preventScroll: true });
    }
  }

  function step(by) {
    const place = shown.indexOf(chosen) + by;
    if (place >= 0 && place < shown.length) {
      choose(shown[place], false);
      const button = list.querySelector('[data-k="' + place + '"]');
      button.focus();
      button.scrollIntoView({ block: "nearest" });
    }
  }

  list.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "j") { step(1); event.preventDefault(); }
    if (event.key === "ArrowUp" || event.key === "k") { step(-1); event.preventDefault(); }
  });

  // ---- links: #q=WORDS, quadrant=, label=, category=, prompt=ID, trace=NUMBER, joined by & ----------

  const linked = { quadrant: "filter-quadrant", label: "filter-label", category: "filter-category" };

  async function follow() {
    if (!location.hash.includes("=")) return; // a section of the page, or nothing
    const wish = new URLSearchParams(location.hash.slice(1));
    const filters = Object.keys(linked).filter((key) => wish.has(key));
    if (wish.has("q") || filters.length) { // the address says it all: other filters are lifted
      byId("search").value = wish.get("q") || "";
      for (const id of Object.keys(choices)) if (id !== "sort") byId(id).value = "";
      for (const key of filters) {
        const place = choices[linked[key]].indexOf(wish.get(key));
        if (place >= 0) byId(linked[key]).value = String(place);
      }
      await refresh();
      if (!wish.has("prompt") && shown.length) choose(shown[0], false);
      if (!wish.has("prompt")) byId("explorer").scrollIntoView();
    }
    if (!wish.has("prompt")) return;
    const i = all.findIndex((p) => p.id === wish.get("prompt"));
    if (i < 0) {
      byId("count").textContent = visible("No prompt " + wish.get("prompt") + " in this report. " + byId("count").textContent);
      byId("explorer").scrollIntoView();
      return;
    }
    if (!await choose(i, true, Math.max(1, Number(wish.get("trace")) || 1))) return;
    const card = detail.querySelectorAll(".trace")[Number(wish.get("trace")) - 1];
    if (!card) return;
    card.tabIndex = -1;
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "center" });
  }

  const distinct = (key) => [...new Set(all.map((p) => p[key]).filter((v) => v !== null))].sort();
  options("filter-quadrant", "all", distinct("quadrant"));
  options("filter-label", "all", distinct("label"));
  options("filter-category", "all", distinct("category"));
  options("filter-traces", "any", Object.keys(traceFilters));
  options("sort", "benchmark order", Object.keys(orders));
  byId("controls").hidden = false;
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  let timer = 0;
  byId("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(refresh, 150); });
  for (const id of ["filter-quadrant", "filter-label", "filter-category", "filter-traces", "sort"]) byId(id).addEventListener("change", refresh);
  byId("shade").addEventListener("change", () => { if (chosen >= 0) choose(chosen, false); });
  byId("unfold").addEventListener("change", () => { if (chosen >= 0) choose(chosen, false); });

  refresh();
  if (shown.length) choose(shown[0], false);
  drawAll();
  follow();
  window.addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => { // the same link again is no change of address
    const link = event.target.closest("a");
    if (link && link.hash.includes("=") && link.hash === location.hash) follow();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("beforeprint", () => [...waiting.keys()].forEach(build));
})();
