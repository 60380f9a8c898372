// Keeps a campaign's page up to date: numbers from progress.json, the rest as ready-made sections, no reload.
(() => {
  "use strict";
  const EVERY = 3000, SECTIONS_EVERY = 9000;
  const root = document.querySelector("[data-progress]");
  if (!root) return;
  let at = new Date(root.dataset.at).getTime(), seen = performance.now(), speed = Number(root.dataset.speed) || 1;
  let tag = "", sectionsAt = performance.now(), sectionsOld = false, stale = 0, chart = null, data = null;

  const shownNow = () => at + (performance.now() - seen) * speed;
  const find = (object, path) => path.split(".").reduce((inner, name) => (inner == null ? inner : inner[name]), object);
  const number = (count) => (count == null ? "–" : Math.round(count).toLocaleString("en-US"));

  function duration(ms) {
    const s = Math.floor(Math.abs(ms) / 1000);
    if (s < 60) return s + " s";
    if (s < 3600) return Math.floor(s / 60) + " min";
    const two = (large, count, small) => (count ? large + " " + count + " " + small : large);
    if (s < 172800) return two(Math.floor(s / 3600) + " h", Math.floor((s % 3600) / 60), "min");
    return two(Math.floor(s / 86400) + " d", Math.floor((s % 86400) / 3600), "h");
  }
  function tick() {
    const now = shownNow();
    for (const each of document.querySelectorAll("[data-countdown]")) {
      each.textContent = duration(new Date(each.dataset.countdown).getTime() - now);
    }
    for (const each of document.querySelectorAll("[data-countdown-to]")) {
      const moment = data && find(data, each.dataset.countdownTo);
      if (!moment) continue;
      const left = new Date(moment).getTime() - now;
      each.textContent = left > 0 ? "in " + duration(left) : duration(left) + " ago";
    }
  }
  function setText(element, text) {
    if (element.textContent === text) return;
    element.textContent = text;
    element.classList.remove("c-changed");
    void element.offsetWidth;
    element.classList.add("c-changed");
  }
  function show() {
    for (const each of document.querySelectorAll("[data-number]")) {
      const count = find(data, each.dataset.number);
      if (count !== undefined) setText(each, number(count));
    }
    for (const each of document.querySelectorAll("[data-text]")) setText(each, String(find(data, each.dataset.text) ?? ""));
    for (const each of document.querySelectorAll("[data-share]")) {
      const [part, whole] = each.dataset.share.split("/").map((path) => find(data, path));
      each.style.setProperty("--n", whole ? ((100 * part) / whole).toFixed(1) : 0);
    }
    const outlook = document.querySelector("[data-outlook]"), word = document.querySelector("[data-word]");
    outlook.className = "c-time " + data.outlook.word;
    word.className = "c-mid c-word-" + data.outlook.word;
    document.querySelector("[data-as-of]").textContent = data.at.replace("T", " ").slice(0, 19) + " UTC";
    draw(data.chart);
  }
  async function sections() {
    sectionsAt = performance.now();
    const answer = await fetch(root.dataset.sections, { credentials: "same-origin" });
    if (!answer.ok) return;
    sectionsOld = false;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const section of fresh.querySelectorAll("[data-section]")) {
      const old = document.querySelector('[data-section="' + section.dataset.section + '"]');
      if (old && !old.contains(document.activeElement) && old.innerHTML !== section.innerHTML) {
        old.replaceChildren(...section.childNodes);
        if (window.showLocalTimes) showLocalTimes(old);
      }
    }
  }
  async function refresh() {
    if (document.hidden) return;
    const note = document.querySelector("[data-fresh-note]"), fresh = document.querySelector("[data-fresh]");
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const answer = await fetch(root.dataset.progress, { headers, credentials: "same-origin", cache: "no-store" });
      if (answer.status !== 304 && !answer.ok) throw new Error(answer.status);
      if (answer.status !== 304) {
        tag = answer.headers.get("ETag") || "";
        data = await answer.json();
        at = new Date(data.at).getTime(); seen = performance.now(); speed = data.clock.speed;
        // A campaign that has changed its state has another head, with other acts.
        if (data.campaign.state !== root.dataset.state) { location.reload(); return; }
        show();
        sectionsOld = true;
      }
      if (sectionsOld && performance.now() - sectionsAt > SECTIONS_EVERY) await sections();
      stale = 0;
      delete fresh.dataset.stale;
      note.textContent = "This page keeps itself up to date.";
    } catch (error) {
      stale += 1;
      fresh.dataset.stale = "";
      note.textContent = "The site has not answered for " + stale + (stale === 1 ? " try" : " tries") + "; these numbers are old.";
    }
  }

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  function deadlineLine(u) {
    const x = u.valToPos(chart_deadline, "x", true);
    if (!(x >= u.bbox.left && x <= u.bbox.left + u.bbox.width + 1)) return;
    const ctx = u.ctx;
    ctx.save();
    ctx.setLineDash([]); ctx.strokeStyle = css("--c-late"); ctx.lineWidth = 2 * devicePixelRatio;
    ctx.beginPath(); ctx.moveTo(x, u.bbox.top); ctx.lineTo(x, u.bbox.top + u.bbox.height); ctx.stroke();
    ctx.restore();
  }
  let chart_deadline = 0, drawn = null;
  function options(box) {
    const soft = css("--c-soft"), grid = { stroke: css("--c-line"), width: 1 }, blue = css("--c-acknowledged");
    return {
      width: box.clientWidth, height: box.clientHeight, tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "Etc/UTC"),
      cursor: { y: false, points: { size: 6 } }, legend: { show: false }, padding: [10, 12, 0, 0],
      scales: { x: { time: true }, y: { range: (u, min, max) => [0, Math.max(max || 0, 1) * 1.04] } },
      axes: [{ stroke: soft, grid, ticks: grid, font: "11px system-ui, sans-serif", values: axisTimes },
             { stroke: soft, grid, ticks: grid, size: 58, font: "11px system-ui, sans-serif", values: (u, vals) => vals.map(number) }],
      series: [{}, { stroke: blue, width: 2.5, fill: blue + "22", spanGaps: true, points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) },
               { stroke: soft, width: 1.5, dash: [2, 4], spanGaps: true, points: { show: false } },
               { stroke: blue, width: 1.5, dash: [7, 5], spanGaps: true, points: { show: false } }],
      hooks: { draw: [deadlineLine], setCursor: [showTip] },
    };
  }
  function axisTimes(u, splits) {
    const long = u.scales.x.max - u.scales.x.min > 2 * 86400;
    return splits.map((s) => { const t = new Date(s * 1000).toISOString(); return long && t.slice(11, 16) === "00:00" ? t.slice(5, 10) : long ? t.slice(5, 10) + " " + t.slice(11, 16) : t.slice(11, 16); });
  }
  function showTip(u) {
    const box = u.root.parentElement, i = u.cursor.idx;
    if (i == null) { box.title = ""; return; }
    const [x, y, pace] = [u.data[0][i], u.data[1][i], u.data[2][i]];
    box.title = new Date(x * 1000).toISOString().replace("T", " ").slice(0, 16) + " UTC: " + number(y) + " remaining" + (pace == null ? "" : ", pace " + number(pace));
  }
  function draw(columns) {
    const box = document.querySelector("[data-chart]");
    if (!box || typeof uPlot === "undefined") return;
    drawn = columns || drawn;
    const values = [drawn.at, drawn.remaining, drawn.needed, drawn.forecast];
    box.hidden = false;
    document.querySelector("[data-chart-table]").hidden = true;
    if (chart) chart.setData(values); else chart = new uPlot(options(box), values, box);
  }
  function redraw() { if (chart) { chart.destroy(); chart = null; } draw(null); }

  const first = JSON.parse(document.getElementById("chart-data").textContent);
  chart_deadline = first.deadline;
  draw(first);
  new ResizeObserver(() => {
    const box = document.querySelector("[data-chart]");
    if (chart && box.clientWidth) chart.setSize({ width: box.clientWidth, height: box.clientHeight });
  }).observe(document.querySelector("[data-chart]"));
  new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  document.addEventListener("visibilitychange", refresh);
  setInterval(tick, 1000 / Math.min(Math.max(speed, 1), 5));
  setInterval(refresh, EVERY);
  refresh();
})();
