// Metrics as the portal draws them: an aggregate for each interval, split by a dimension.
import { html, useState, useEffect, useRef, useAnswer, go, link, useAddress, Link, Kql, Empty, Problem, number, plural } from "./core.js";

const AGGREGATES = ["avg", "sum", "min", "max", "count"];
const COLOURS = ["--c-requests", "--c-exceptions", "--c-dependencies", "--c-customEvents", "--warn", "--c-traces"];
const DAY_S = 86400;
const TICKS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, ...[1, 2, 7, 30, 90, 365].map((days) => days * DAY_S)];
const keyOf = (metric) => JSON.stringify([metric.table, metric.namespace, metric.name]);

export function Metrics({ live }) {
  const { metric, by, as } = useAddress();
  const { found, error } = useAnswer("metrics", [live && Math.floor(live.last / 50), live?.cleared]);
  if (!found) return html`<${Problem} error=${error} />`;
  if (!found.metrics.length) return html`<${Empty}>No metric has arrived.<//>`;
  const chosen = found.metrics.find((one) => keyOf(one) === metric) || found.metrics[0];
  return html`<div class="two">
    <nav class="choices" aria-label="Metrics">${found.metrics.map((one) => html`<${Link} key=${keyOf(one)} to=${link({ view: "metrics", metric: keyOf(one) })} aria-current=${one === chosen ? "true" : undefined}>
      ${one.name} <span class="soft">${one.namespace || ""} ${plural(one.points, "point")}</span><//>`)}</nav>
    <${Chart} key=${keyOf(chosen)} metric=${chosen} by=${by || ""} as=${AGGREGATES.includes(as) ? as : chosen.cumulative ? "max" : "avg"} live=${live} />
  </div>`;
}

function Chart({ metric, by, as, live }) {
  const query = new URLSearchParams({ table: metric.table, name: metric.name, namespace: metric.namespace || "", by });
  const { found, error } = useAnswer(`metric?${query}`, [metric.points]);
  const to = (changes) => go(link({ view: "metrics", metric: keyOf(metric), by, as, ...changes }), true);
  return html`<section class="chart" aria-label=${metric.name}>
    <h2>${metric.name}</h2>
    <div class="controls">
      <fieldset><legend class="hidden">Aggregate</legend>${AGGREGATES.map((one) => html`<label><input type="radio" name="as" checked=${one === as} onChange=${() => to({ as: one })} /> ${one}</label>`)}</fieldset>
      ${metric.dimensions.length ? html`<label>split by <select onChange=${(event) => to({ by: event.target.value })}><option value="" selected=${!by}>nothing</option>${metric.dimensions.map((name) => html`<option key=${name} value=${name} selected=${name === by}>${name}</option>`)}</select></label>` : null}
      ${found ? html`<${Kql} query=${found.kql} />` : null}
    </div>
    ${metric.cumulative ? html`<p class="note">Each value includes those before it (cumulative, as OpenCensus's views are sent): read <b>max</b>; a sum counts the same measurements again and again. After the step to OpenTelemetry each value is that of its interval (delta): then read <b>sum</b>.</p>` : null}
    <${Problem} error=${error} />
    ${found && found.times_s.length ? html`<${Plot} chart=${found} as=${as} name=${metric.name} />
      <p class="soft">One point for each ${seconds(found.grain_s)}; a gap is an interval without any value, which is not zero.${found.left_out ? ` ${plural(found.left_out, "series", "series")} with fewer points have no line.` : ""}</p>
      <details><summary>The same as a table</summary><table><thead><tr><th>time (UTC)</th>${found.series.map((one) => html`<th class="figure">${one.value ?? metric.name}</th>`)}</tr></thead>
        <tbody>${found.times_s.map((time, place) => html`<tr key=${time}><td class="mono">${new Date(time * 1000).toISOString().slice(0, 19)}</td>${found.series.map((one) => html`<td class="figure">${number(one[as][place])}</td>`)}</tr>`)}</tbody></table></details>` : null}
  </section>`;
}

const seconds = (grain) => (grain < 60 ? plural(grain, "second") : grain < 3600 ? plural(grain / 60, "minute") : plural(grain / 3600, "hour"));

function Plot({ chart, as, name }) {
  const box = useRef(null);
  const [theme, setTheme] = useState(0);
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setTheme((times) => times + 1);
    dark.addEventListener("change", changed);
    return () => dark.removeEventListener("change", changed);
  }, []);
  useEffect(() => {
    const colour = (variable) => getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
    const width = () => Math.max(240, box.current.clientWidth);
    const alone = chart.times_s.length === 1;
    const hasSeconds = chart.grain_s < 60;
    const plot = new uPlot({
      width: width(), height: 300, padding: [null, 32, null, null],
      tzDate: (time) => uPlot.tzDate(new Date(time * 1000), "Etc/UTC"),
      scales: alone ? { x: { range: (_, low) => [low - chart.grain_s, low + chart.grain_s] } } : {},
      // No two ticks within what their text tells apart.
      axes: [{ ...axis, incrs: TICKS_S.filter((step) => hasSeconds || step >= 60), values: (_, ticks) => ticks.map((time) => new Date(time * 1000).toISOString().slice(11, hasSeconds ? 19 : 16)) }, { ...axis, size: 64 }],
      series: [{ label: "time (UTC)", value: (_, time) => (time === null || time === undefined ? "–" : new Date(time * 1000).toISOString().slice(0, 19)) }, ...chart.series.map((one, place) => ({
        label: one.value ?? name, stroke: colour(COLOURS[place % COLOURS.length]), width: 2, spanGaps: false, dash: place >= COLOURS.length ? [6, 4] : undefined,
        points: { show: chart.times_s.length <= 60 || undefined, size: 6 }, value: (_, value) => (value === null || value === undefined ? "–" : number(value)),
      }))],
    }, [chart.times_s, ...chart.series.map((one) => one[as])], box.current);
    box.current.plot = plot;
    const watcher = new ResizeObserver(() => plot.setSize({ width: width(), height: 300 }));
    watcher.observe(box.current);
    return () => { watcher.disconnect(); plot.destroy(); };
  }, [chart, as, theme]);
  return html`<div ref=${box} class="plot" role="img" aria-label=${`${as} of ${name} over time; the table below has its figures`}></div>`;
}
