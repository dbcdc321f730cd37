// The application map, in layers from who calls to what is called, and the same as a table.
import { html, useAnswer, link, Link, Empty, Problem, duration, number } from "./core.js";

const BOX = { width: 210, height: 58, across: 150, down: 26 };

export function ApplicationMap({ live }) {
  const { found, error } = useAnswer("map", [live?.last, live?.cleared]);
  if (!found) return html`<${Problem} error=${error} />`;
  if (!found.places.length) return html`<${Empty}>No request or dependency has arrived.<//>`;
  const { spots, width, height } = placed(found);
  const share = (figures) => (figures.calls ? `${((100 * figures.failed) / figures.calls).toLocaleString("en", { maximumFractionDigits: 1 })} %` : "");
  const callers = found.calls.map((call) => {
    const from = spots[call.from], to = spots[call.to];
    const bad = call.failed > 0;
    const x1 = from.x + BOX.width, y1 = from.y + BOX.height / 2, x2 = to.x, y2 = to.y + BOX.height / 2;
    const back = x2 <= from.x;
    const curve = back
      ? `M${from.x + BOX.width / 2},${from.y + BOX.height} C${from.x + BOX.width / 2},${Math.max(from.y, to.y) + BOX.height + 60} ${to.x + BOX.width / 2},${Math.max(from.y, to.y) + BOX.height + 60} ${to.x + BOX.width / 2},${to.y + BOX.height}`
      : `M${x1},${y1} C${x1 + 70},${y1} ${x2 - 70},${y2} ${x2 - 8},${y2}`;
    return html`<g key=${`${call.from}-${call.to}`}><path class=${bad ? "bad" : ""} d=${curve} />${back ? null : html`<path class="arrow" d=${`M${x2 - 9},${y2 - 4} L${x2},${y2} L${x2 - 9},${y2 + 4} Z`} />`}
      <text class="soft ${bad ? "bad" : ""}" x=${back ? (from.x + to.x + BOX.width) / 2 : x2 - 14} y=${back ? Math.max(from.y, to.y) + BOX.height + 42 : y2 - 6} text-anchor=${back ? "middle" : "end"}>${number(call.calls)}×${bad ? ` ✗ ${share(call)}` : ""}</text></g>`;
  });
  const boxes = found.places.map((place, index) => {
    const bad = place.failed > 0 || place.exceptions > 0;
    const figures = place.calls === undefined ? (place.kind === "role" ? "" : place.kind) : `${number(place.calls)} requests, ${duration(place.p95)} (p95)`;
    return html`<g key=${index}><rect class="box ${bad ? "bad" : ""}" x=${spots[index].x} y=${spots[index].y} width=${BOX.width} height=${BOX.height} rx="8" />
      <text x=${spots[index].x + 10} y=${spots[index].y + 20} font-weight="600">${short(place.name || "(no role)")}</text>
      <text class="soft" x=${spots[index].x + 10} y=${spots[index].y + 36}>${figures}</text>
      ${bad ? html`<text class="bad" x=${spots[index].x + 10} y=${spots[index].y + 51}>${[place.failed ? `✗ ${share(place)} failed` : "", place.exceptions ? `! ${number(place.exceptions)} exc.` : ""].filter(Boolean).join("  ")}</text>` : null}</g>`;
  });
  const row = (key, from, kind, to, figures, target) => html`<tr key=${key}><td>${from}</td><td>${kind}</td><td><${Link} to=${target}>${to}<//></td><td class="figure">${number(figures.calls)}</td><td class="figure ${figures.failed ? "bad" : ""}">${number(figures.failed)}${figures.failed ? ` (${share(figures)})` : ""}</td><td class="figure">${duration(figures.p50)}</td><td class="figure">${duration(figures.p95)}</td></tr>`;
  const name = (index) => found.places[index].name || "(no role)";
  return html`<div>
    <div class="map"><svg width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} role="img" aria-label="Application map; the table below has the same">${callers}${boxes}</svg></div>
    <div class="inside wide"><table aria-label="Calls"><thead><tr><th>from</th><th>type</th><th>to</th><th class="figure">calls</th><th class="figure">failed</th><th class="figure">p50</th><th class="figure">p95</th></tr></thead><tbody>
      ${found.places.map((place, index) => (place.calls === undefined ? null : row(`r${index}`, "", "requests of", name(index), place, link({ table: "requests", where: place.name ? `cloud_RoleName=${place.name}` : null }))))}
      ${found.calls.map((call) => row(`c${call.from}-${call.to}`, name(call.from), found.places[call.to].kind, name(call.to), call, link({ table: "dependencies", where: found.places[call.to].kind === "role" ? [`cloud_RoleName=${name(call.from)}`] : [`target=${name(call.to)}`, `cloud_RoleName=${name(call.from)}`] })))}
    </tbody></table></div>
  </div>`;
}

const short = (text) => (text.length > 24 ? `${text.slice(0, 23)}…` : text);

// A place stands one column to the right of whoever calls it; a circle is cut where it closes.
export function placed({ places, calls }) {
  const column = places.map(() => 0);
  for (let round = 0; round < places.length; round++) {
    let moved = false;
    for (const { from, to } of calls) {
      if (from !== to && column[to] < column[from] + 1 && column[from] + 1 < places.length) {
        if (round > 20 && column[to] > 0) continue;
        column[to] = column[from] + 1;
        moved = true;
      }
    }
    if (!moved) break;
  }
  const used = [...new Set(column)].sort((a, b) => a - b);
  const rows = used.map(() => 0);
  const spots = places.map((_, index) => {
    const across = used.indexOf(column[index]);
    const down = rows[across]++;
    return { x: 10 + across * (BOX.width + BOX.across), y: 10 + down * (BOX.height + BOX.down) };
  });
  return { spots, width: 20 + used.length * (BOX.width + BOX.across) - BOX.across, height: 90 + Math.max(...rows) * (BOX.height + BOX.down) };
}
