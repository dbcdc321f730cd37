// What is beside the list: the item that is open, and the operation that it is part of.
import {
  html, useState, useEffect, useMemo, useAnswer, go, link, useAddress, Link, Kql, Copy, Problem, FILTERS, KINDS,
  clock, duration, instant, mark, title, tone, plural, failed,
} from "./core.js";
import { Rows } from "./rows.js";

export function Side({ item, operation, onClose, compared }) {
  const { tab } = useAddress();
  const { found, error } = useAnswer(item ? `item/${item}` : null);
  const whole = item && found && found.number === item ? found : null;
  const operationId = operation || (whole && whole.row.operation_Id);
  const shown = tab || (operationId && (!whole || ["requests", "dependencies", "exceptions", "traces", "customEvents"].includes(whole.table)) ? "operation" : "item");
  const choose = (name) => go(link({ tab: name, item, operation }, FILTERS), true);
  const pressed = (event) => { if (event.key === "Escape" && event.target.type !== "search") { event.stopPropagation(); onClose(); } };
  const tabs = [["operation", "Operation"], ["item", "Item"], ["envelope", "As sent"], ["before", "Before and after"]]
    .filter(([name]) => (name === "operation" ? operationId : item && (name !== "before" || compared)));
  return html`<aside class="side" aria-label="Details" onKeyDown=${pressed}>
    <div class="bar">
      <button type="button" onClick=${onClose}><span aria-hidden="true">← </span>Back</button>
      <div class="tabs" role="tablist">${tabs.map(([name, text]) => html`<button type="button" role="tab" key=${name} aria-selected=${shown === name} onClick=${() => choose(name)}>${text}</button>`)}</div>
      ${whole && shown !== "operation" ? html`<${Kql} query=${whole.kql} />` : null}
    </div>
    <${Problem} error=${error} />
    ${shown === "operation" && operationId ? html`<${Operation} key=${operationId} operationId=${operationId} item=${item} compared=${compared} />` : null}
    ${whole && shown === "item" ? html`<${Facts} item=${whole} />` : null}
    ${whole && shown === "before" ? html`<${BeforeAndAfter} item=${whole} />` : null}
    ${whole && shown === "envelope" ? html`<div class="inside"><${Envelope} text=${whole.envelope} marks=${whole.warnings} /></div>` : null}
  </aside>`;
}

// ---- an item as the portal's columns have it

const HIDDEN = new Set(["customDimensions", "customMeasurements", "details", "itemType", "appId"]);
const LONG = 20000;

export function Facts({ item }) {
  const { table, row } = item;
  const own = Object.entries(row).filter(([name, value]) => !HIDDEN.has(name) && value !== null && value !== "");
  const filterLink = (name, value) => link({ where: `${name}=${value}` });
  const part = (heading, values, prefix) => Object.keys(values || {}).length ? html`<h3>${heading}</h3>
    <table class="facts"><tbody>${Object.entries(values).map(([name, value]) => html`<tr key=${name}><th scope="row">${String(value).length < 200 ? html`<${Link} to=${filterLink(`${prefix}.${name}`, value)} title="Show items with this value">${name}<//>` : name}</th><td><${Value} value=${value} /></td></tr>`)}</tbody></table>` : null;
  return html`<div class="inside">
    <h2 class=${tone(table, row)}>${KINDS[table]}: ${title(table, row).slice(0, 300)}</h2>
    ${item.warnings.map((warning) => html`<p class="note">${warning.path} ${warning.text}</p>`)}
    <${Stack} details=${row.details} />
    ${part("customDimensions", row.customDimensions, "customDimensions")}
    ${part("customMeasurements", row.customMeasurements, "customMeasurements")}
    <h3>${table}</h3>
    <table class="facts"><tbody>${own.map(([name, value]) => html`<tr key=${name}><th scope="row">${name}</th><td><${Value} value=${name === "duration" ? `${value} ms` : value} /></td></tr>`)}</tbody></table>
  </div>`;
}

// The same item in both recordings, column by column; what differs comes first. A difference of ids or times says nothing.
const OF_THE_RUN = new Set(["timestamp", "itemId", "operation_Id", "operation_ParentId", "id", "duration", "performanceBucket", "iKey", "appId"]);

function BeforeAndAfter({ item }) {
  const { found, error } = useAnswer(`counterpart/${item.number}`);
  if (error) return html`<p class="empty">This item has no counterpart in the recording before.</p>`;
  if (!found || item.number === undefined) return html`<p class="empty" role="status">…</p>`;
  const flat = (row) => Object.fromEntries(Object.entries(row).flatMap(([name, value]) => (value && typeof value === "object" && !Array.isArray(value) ? Object.entries(value).map(([key, one]) => [`${name}.${key}`, one]) : [[name, value]])));
  const [one, other] = [flat(found.row), flat(item.row)];
  const text = (value) => (value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((name) => text(one[name]) || text(other[name]));
  const row = (name) => html`<tr key=${name}><th scope="row">${name}</th><td class=${OF_THE_RUN.has(name) || text(one[name]) === text(other[name]) ? "soft" : "bad"}><bdi>${text(one[name])}</bdi></td><td class=${OF_THE_RUN.has(name) || text(one[name]) === text(other[name]) ? "soft" : "good"}><bdi>${text(other[name])}</bdi></td></tr>`;
  const changed = names.filter((name) => !OF_THE_RUN.has(name) && text(one[name]) !== text(other[name]));
  return html`<div class="inside">
    <h2>${changed.length ? plural(changed.length, "column") + (changed.length === 1 ? " differs" : " differ") : "Both are the same but for times and ids."}</h2>
    <table class="facts thirds"><thead><tr><th>column</th><th>before</th><th>after</th></tr></thead><tbody>${[...changed, ...names.filter((name) => !changed.includes(name))].map(row)}</tbody></table></div>`;
}

function Value({ value }) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const [all, setAll] = useState(false);
  if (text.length <= LONG || all) return html`<bdi>${text}</bdi>`;
  return html`<bdi>${text.slice(0, LONG)}…</bdi> <button type="button" class="small" onClick=${() => setAll(true)}>all ${plural(text.length, "character")}</button>`;
}

function Stack({ details }) {
  if (!details || !details.length) return null;
  return html`<h3>Stack</h3>${details.map((one, place) => html`<div key=${place}>
    <p class="bad"><b>${one.type}</b>: <bdi>${one.message}</bdi></p>
    ${one.parsedStack ? html`<table class="facts"><tbody>${[...one.parsedStack].sort((a, b) => a.level - b.level).map((frame) => html`<tr key=${frame.level}><th scope="row">${frame.method}</th><td>${frame.fileName || frame.assembly || ""}${frame.line ? `:${frame.line}` : ""}</td></tr>`)}</tbody></table>` : null}
    ${one.rawStack ? html`<pre tabindex="0">${one.rawStack}</pre>` : null}
  </div>`)}`;
}

// ---- the envelope, line by line, with what the check said of a place beside it

function linesOf(value, path, indent, out, tail) {
  const pad = "  ".repeat(indent);
  if (value && typeof value === "object") {
    const entries = Array.isArray(value) ? value.map((one, place) => [place, one]) : Object.entries(value);
    const [open, close] = Array.isArray(value) ? "[]" : "{}";
    if (!entries.length) { out[out.length - 1].text += open + close + tail; return; }
    out[out.length - 1].text += open;
    entries.forEach(([name, one], place) => {
      const inner = Array.isArray(value) ? `${path}[${name}]` : /^[A-Za-z_]\w*$/.test(name) ? `${path}.${name}` : `${path}['${name}']`;
      out.push({ path: inner, text: `${pad}  ${Array.isArray(value) ? "" : JSON.stringify(name) + ": "}` });
      linesOf(one, inner, indent + 1, out, place < entries.length - 1 ? "," : "");
    });
    out.push({ path, text: `${pad}${close}${tail}` });
  } else out[out.length - 1].text += JSON.stringify(value) + tail;
}

export function Envelope({ text, marks }) {
  const lines = useMemo(() => {
    try {
      const out = [{ path: "$", text: "" }];
      linesOf(JSON.parse(text), "$", 0, out, "");
      return out;
    } catch { return text.split("\n").map((line) => ({ path: null, text: line })); }
  }, [text]);
  const said = new Map(marks.map((mark) => [mark.path, mark.text]));
  const first = new Set();
  const elsewhere = marks.filter((mark) => !lines.some((line) => line.path === mark.path));
  return html`${elsewhere.map((mark) => html`<p class="note">${mark.path} ${mark.text}</p>`)}
    <pre class="envelope" tabindex="0" aria-label="Envelope as sent">${lines.map((line, place) => {
      const marked = said.has(line.path) && !first.has(line.path);
      if (marked) first.add(line.path);
      return html`<span class="line ${marked ? "marked" : ""}" key=${place}>${line.text.length > LONG ? line.text.slice(0, LONG) + "…" : line.text}${marked ? html` <span class="said">← ${said.get(line.path)}</span>` : null}</span>`;
    })}</pre><p><${Copy} text=${text} label="Copy the envelope" /></p>`;
}

// ---- an operation as a timeline

const HEIGHT = 26;
const SLOW = 0.5;

export function Operation({ operationId, item, compared }) {
  const { find } = useAddress();
  const { found, error } = useAnswer(`transaction/${encodeURIComponent(operationId)}`);
  const [closed, setClosed] = useState(new Set());
  const [moveTo, setMoveTo] = useState(null);
  const { found: changes } = useAnswer(compared ? "changes" : null);
  const added = useMemo(() => new Set(changes ? changes.added : []), [changes]);
  const differs = (node) => (added.has(node.number) ? ["new"] : (changes && changes.changed[node.number]) || []);
  const plan = useMemo(() => (found ? layOut(found.items) : null), [found]);
  const rows = useMemo(() => (plan ? visible(plan.nodes, closed) : []), [plan, closed]);
  const index = rows.findIndex((node) => node.number === item);
  const hits = useMemo(() => {
    const text = find.toLowerCase();
    return text ? rows.map((node, place) => (hay(node).includes(text) ? place : -1)).filter((place) => place >= 0) : [];
  }, [rows, find]);
  useEffect(() => { if (index >= 0) setMoveTo({ index }); }, [plan]);
  if (error) return html`<${Problem} error=${error} />`;
  if (!plan) return html`<p class="empty">…</p>`;
  const open = (place, tab) => go(link({ item: rows[place].number, operation: operationId, tab: tab || "operation" }, [...FILTERS, "find", "view"]), true);
  const toggle = (number) => setClosed((before) => { const next = new Set(before); if (!next.delete(number)) next.add(number); return next; });
  const next = (event) => {
    if (event.key !== "Enter" || !hits.length) return;
    const after = hits.find((place) => place > index);
    const place = event.shiftKey ? [...hits].reverse().find((one) => one < index) ?? hits.at(-1) : after ?? hits[0];
    open(place);
    setMoveTo({ index: place });
  };
  const keys = (event) => {
    const node = rows[index];
    if (!node || !node.children || !["ArrowLeft", "ArrowRight"].includes(event.key)) return false;
    if (closed.has(node.number) === (event.key === "ArrowRight")) toggle(node.number);
    return true;
  };
  const row = (place, style) => html`<${Bar} key=${rows[place].number} node=${rows[place]} plan=${plan} style=${style} place=${place} chosen=${place === index}
    hit=${hits.includes(place)} differs=${differs(rows[place])} closed=${closed.has(rows[place].number)} onToggle=${() => toggle(rows[place].number)} onChoose=${() => open(place)} onOpen=${() => open(place, "item")} />`;
  const chosen = rows[index];
  return html`<div class="inside" style=${{ paddingBottom: 0 }}>
      <h2 class=${plan.failures ? "bad" : ""}>${plan.nodes.length ? title(plan.nodes[0].table, plan.nodes[0].row) : operationId}</h2>
      <p class="soft">${plural(plan.nodes.length, "item")}, ${duration(plan.length)}${plan.failures ? html`, <b class="bad">${plural(plan.failures, "failure")}</b>` : ""}${plan.notes.length ? `; ${plan.notes.join(", ")}` : ""}. <span class="mono">${found.operationId}</span></p>
      <div class="filter" style=${{ padding: 0 }}>
        <input type="search" aria-label="Search in this operation" placeholder="search in this operation" value=${find} onInput=${(event) => go(link({ find: event.target.value }, [...FILTERS, "item", "operation", "tab", "view"]), true)} onKeyDown=${next} />
        ${find ? html`<span class="soft" role="status">${plural(hits.length, "hit")}</span>` : null}
        <${Kql} query=${found.kql} />
      </div>
    </div>
    <div class="axis" aria-hidden="true"><span></span><span class="ticks"><span>0</span><span>${duration(plan.length / 2)}</span><span>${duration(plan.length)}</span></span><span></span></div>
    <${Rows} id="timeline" className="timeline" role="treegrid" fits label="Items of the operation, in order of time" columns=${3} count=${rows.length} height=${HEIGHT} row=${row} chosen=${index} moveTo=${moveTo}
      onChoose=${(place) => open(place)} onOpen=${(place) => open(place, "item")} onKey=${keys} />
    ${chosen ? html`<${Chosen} number=${chosen.number} />` : html`<p class="empty">Choose a row to see what it has; Enter opens it.</p>`}`;
}

function Chosen({ number }) {
  const { found } = useAnswer(`item/${number}`);
  if (!found) return html`<p class="empty">…</p>`;
  return html`<${Facts} item=${found} />`;
}

const hay = (node) => `${title(node.table, node.row)} ${node.row.target || ""} ${node.row.data || ""} ${node.row.resultCode || ""} ${node.row.cloud_RoleName || ""} ${node.table}`.toLowerCase();

// Adds to each item where its bar begins and ends, what it holds, and what is odd about it.
export function layOut(items) {
  const nodes = items.map((one) => {
    const start = instant(one.row.timestamp);
    return { ...one, start, end: start + (one.row.duration || 0), children: 0, end_of: 0 };
  });
  const begin = Math.min(...nodes.map((node) => node.start).filter(Number.isFinite));
  const end = Math.max(...nodes.map((node) => node.end).filter(Number.isFinite));
  const length = Math.max(end - begin, 0.001);
  const above = [];
  const notes = new Map();
  let failures = 0;
  nodes.forEach((node, place) => {
    above.length = node.depth;
    const parent = above[node.depth - 1];
    if (parent) {
      for (const one of above) one.children += 1;
      if (node.start < parent.start - 1 && node.row.cloud_RoleName !== parent.row.cloud_RoleName && !node.note) node.note = "clock skew";
    }
    above.push(node);
    if (node.note) notes.set(node.note, (notes.get(node.note) || 0) + 1);
    if (failed(node.table, node.row)) failures += 1;
  });
  // Of the calls that hold no other calls, those that took much of the whole.
  const calls = nodes.filter((node) => node.table === "dependencies" && node.row.duration);
  for (const node of calls) node.slow = node.row.duration >= SLOW * length;
  return { nodes, begin, length, failures, notes: [...notes].map(([note, count]) => (count > 1 ? `${count} × ${note}` : note)) };
}

function visible(nodes, closed) {
  const shown = [];
  for (let place = 0; place < nodes.length; place++) {
    shown.push(nodes[place]);
    if (closed.has(nodes[place].number)) place += nodes[place].children;
  }
  return shown;
}

const DEEPEST = 14;

function Bar({ node, plan, style, place, chosen, hit, differs, closed, onToggle, onChoose, onOpen }) {
  const [sign, said] = mark(node.table, node.row);
  const left = ((node.start - plan.begin) / plan.length) * 100;
  const width = ((node.end - node.start) / plan.length) * 100;
  const indent = Math.min(node.depth, DEEPEST) * 12;
  const toggle = (event) => { event.stopPropagation(); onToggle(); };
  const span = node.row.duration !== null && node.row.duration !== undefined;
  return html`<div class="row ${tone(node.table, node.row)} ${hit ? "found" : ""} ${node.slow ? "slow" : ""}" role="row" id=${`timeline-${place}`} aria-rowindex=${place + 1} aria-selected=${chosen} aria-level=${node.depth + 1}
      data-number=${node.number} data-depth=${node.depth} style=${style} onClick=${onChoose} onDblClick=${onOpen}>
    <span class="name" role="gridcell" style=${{ paddingLeft: `${indent}px` }}>
      ${node.children ? html`<button type="button" tabindex="-1" aria-label=${closed ? "Show what is inside" : "Hide what is inside"} aria-expanded=${!closed} onClick=${toggle}>${closed ? "▸" : "▾"}</button>` : html`<span class="soft" style=${{ width: "18px", flex: "none" }}></span>`}
      ${node.depth > DEEPEST ? html`<span class="soft" title="depth">${node.depth}</span>` : null}
      <span class="mark ${tone(node.table, node.row)}" aria-hidden="true">${sign}</span><span class="hidden">${said} ${KINDS[node.table]}</span>
      ${node.note ? html`<span class="note" title=${NOTES[node.note]}>${node.note}</span>` : null}
      ${differs.length ? html`<span class="note differs" title=${`${differs.join(", ")}: not as in the recording before`}>${differs[0] === "new" ? "new" : `≠ ${differs.length}`}</span>` : null}
      <span class="what">${title(node.table, node.row)}</span>
    </span>
    <span class="track ${node.table}" role="gridcell">${span ? html`<span class="span" style=${{ left: `${left}%`, width: `${width}%` }}></span>` : html`<span class="dot ${node.table}" style=${{ left: `${left}%` }} title=${clock(node.row.timestamp)}></span>`}</span>
    <span class="took" role="gridcell">${span ? duration(node.row.duration) : `+${duration(node.start - plan.begin)}`}${node.slow ? html`<span class="hidden"> much of the whole</span>` : null}</span>
  </div>`;
}

const NOTES = {
  orphan: "Its parent did not arrive.",
  duplicate: "Another item has the same id.",
  cycle: "Its parents lead back to it.",
  "clock skew": "It begins before its parent, on another machine: their clocks differ.",
};
