// The first view: counters, the filter, and the list of items with the newest first; beside it the item that is open.
import {
  html, useState, useEffect, useRef, ask, go, link, address, useAddress, Link, Kql, Problem, Empty, FILTERS, KINDS, SEVERITIES,
  clock, duration, mark, title, tone, plural, number,
} from "./core.js";
import { Rows } from "./rows.js";
import { Side } from "./side.js";
import { Start } from "./start.js";

const WINDOW = 100;
const MOST_KEPT = 4000;
const HEIGHT = 28;
const NARROW = 900;

// The numbers of a list, oldest first: a range where there are no gaps, else an array.
const NONE = { size: 0, at: () => undefined, indexOf: () => -1 };
function listOf(found) {
  if ("from" in found) {
    const { from, to } = found;
    return { size: to - from + 1, at: (place) => from + place, indexOf: (item) => (item >= from && item <= to ? item - from : -1), from, to };
  }
  return fromArray(found.numbers);
}
function fromArray(numbers) {
  return numbers.length ? { size: numbers.length, at: (place) => numbers[place], indexOf: (item) => numbers.indexOf(item), numbers } : NONE;
}
function joined(list, more) {
  if (!more.size) return list;
  if (!list.size) return more;
  if ("to" in list && "from" in more && more.from === list.to + 1) return listOf({ from: list.from, to: more.to });
  const numbers = (part) => part.numbers || Array.from({ length: part.size }, (_, place) => part.at(place));
  return fromArray([...numbers(list), ...numbers(more)]);
}

// What passes a filter, and grows as items arrive. What arrives while `held` waits to be taken.
function useList(filter, live, held) {
  const [state, setState] = useState({ list: NONE, total: 0, kql: "", waiting: NONE, error: null, ready: false });
  const at = useRef({ filter: null, cleared: 0, upTo: 0, busy: false });
  useEffect(() => {
    if (!live) return;
    const fresh = at.current.filter !== filter || at.current.cleared !== live.cleared || live.last < at.current.upTo;
    if (fresh) at.current = { filter, cleared: live.cleared, upTo: 0, busy: false };
    const now = at.current;
    if (now.busy || (!fresh && live.last <= now.upTo)) return;
    now.busy = true;
    ask(`numbers?after=${now.upTo}&${filter}`).then(
      (found) => {
        if (at.current !== now) return;
        now.busy = false;
        now.upTo = found.upTo;
        const more = listOf({ numbers: [], ...found });
        setState((before) => {
          if (fresh) return { list: more, total: found.total, kql: found.kql, waiting: NONE, error: null, ready: true };
          const rest = { ...before, total: before.total + found.total, error: null };
          if (held.current) return { ...rest, waiting: joined(before.waiting, more) };
          return { ...rest, list: joined(joined(before.list, before.waiting), more), waiting: NONE };
        });
      },
      (error) => {
        if (at.current !== now) return;
        now.busy = false;
        now.upTo = live.last;
        setState((before) => (fresh ? { list: NONE, total: 0, kql: "", waiting: NONE, error, ready: true } : { ...before, error }));
      },
    );
  }, [filter, live, state]);
  const take = () => setState((before) => ({ ...before, list: joined(before.list, before.waiting), waiting: NONE }));
  return [state, take];
}

// The rows of a list that are in sight, read by windows of numbers and kept.
function useWindows(key) {
  const kept = useRef(new Map());
  const asked = useRef(new Set());
  const wanted = useRef(new Set());
  const [, redraw] = useState(0);
  useEffect(() => { kept.current = new Map(); asked.current = new Set(); redraw((times) => times + 1); }, [key]);
  useEffect(() => {
    const missing = [...wanted.current].filter((item) => !asked.current.has(item));
    wanted.current = new Set();
    for (let start = 0; start < missing.length; start += WINDOW) {
      const part = missing.slice(start, start + WINDOW);
      part.forEach((item) => asked.current.add(item));
      const into = kept.current;
      ask(`items?numbers=${part.join(",")}`).then(
        (found) => {
          found.items.forEach((item) => into.set(item.number, item));
          // The oldest go: a page that is open for a day sees millions pass.
          if (into.size > MOST_KEPT) for (const item of [...into.keys()].slice(0, MOST_KEPT / 2)) { into.delete(item); asked.current.delete(item); }
          redraw((times) => times + 1);
        },
        () => part.forEach((item) => asked.current.delete(item)),
      );
    }
  });
  return (item) => {
    const found = kept.current.get(item);
    if (!found) wanted.current.add(item);
    return found;
  };
}

// Columns of a list that has one table only, as the portal's results have them: name and share of the width.
const AS_TABLE = {
  requests: { timestamp: "96px", name: "3fr", resultCode: "90px", success: "70px", duration: "80px", url: "3fr", operation_Id: "2fr", cloud_RoleName: "1fr" },
  dependencies: { timestamp: "96px", type: "1fr", target: "2fr", name: "3fr", resultCode: "90px", success: "70px", duration: "80px", operation_Id: "2fr", cloud_RoleName: "1fr" },
  traces: { timestamp: "96px", severityLevel: "100px", message: "6fr", operation_Id: "2fr", cloud_RoleName: "1fr" },
  exceptions: { timestamp: "96px", type: "2fr", outerMessage: "4fr", method: "2fr", severityLevel: "100px", operation_Id: "2fr", cloud_RoleName: "1fr" },
  customEvents: { timestamp: "96px", name: "4fr", operation_Id: "2fr", cloud_RoleName: "1fr" },
  customMetrics: { timestamp: "96px", name: "3fr", valueSum: "1fr", valueCount: "1fr", valueMin: "1fr", valueMax: "1fr", metricNamespace: "1fr", cloud_RoleName: "1fr" },
  performanceCounters: { timestamp: "96px", category: "2fr", name: "3fr", instance: "1fr", value: "1fr", cloud_RoleName: "1fr" },
  availabilityResults: { timestamp: "96px", name: "3fr", location: "1fr", success: "70px", duration: "80px", message: "3fr", cloud_RoleName: "1fr" },
  pageViews: { timestamp: "96px", name: "3fr", url: "3fr", duration: "80px", operation_Id: "2fr", cloud_RoleName: "1fr" },
};
const SHOWN = { timestamp: clock, duration, severityLevel: (level) => (level === null ? "" : SEVERITIES[level] || level), valueSum: number, valueCount: number, valueMin: number, valueMax: number, value: number };

export function Items({ live, state }) {
  const { item, filter, operation } = useAddress();
  const [paused, setPaused] = useState(false);
  const [atTop, setAtTop] = useState(true);
  const [chosen, setChosen] = useState(null);
  const held = useRef(false);
  held.current = paused || !atTop || (chosen !== null && !atTop);
  const [found, take] = useList(filter, live, held);
  const read = useWindows(`${live && live.cleared}`);
  const { list } = found;
  const [moveTo, setMoveTo] = useState(null);
  useEffect(() => { if (item) setChosen(item); }, [item]);
  useEffect(() => { if (!item && !operation && address().view === "items") document.getElementById("items")?.focus({ preventScroll: true }); }, [item, operation]);
  const place = (index) => list.at(list.size - 1 - index);
  const at = chosen === null ? -1 : list.indexOf(chosen);
  const index = at < 0 ? -1 : list.size - 1 - at;
  useEffect(() => { if (item && index >= 0) setMoveTo({ index }); }, [item, found.ready]);

  const open = (where) => go(link({ item: place(where), view: null }, FILTERS));
  const choose = (where) => {
    setChosen(place(where));
    if (item) go(link({ item: place(where) }, [...FILTERS, "tab"]), true);
  };
  const newest = () => { take(); setPaused(false); setChosen(null); setMoveTo({ index: 0 }); };
  if (live && !live.last && found.ready && !filter) return html`<${Start} state=${state} live=${live} />`;

  const tables = new URLSearchParams(filter).getAll("table");
  const columns = tables.length === 1 && !item && !operation && innerWidth > NARROW ? Object.entries(AS_TABLE[tables[0]] || {}) : [];
  const shares = columns.length ? { gridTemplateColumns: columns.map(([, share]) => (share.endsWith("fr") ? `minmax(0, ${share})` : share)).join(" ") } : {};
  const row = (where, style) => {
    const wanted = place(where);
    const one = read(wanted);
    const selected = wanted === chosen;
    const attributes = { key: wanted, id: `items-${where}`, role: "row", "aria-rowindex": where + 1, "aria-selected": selected, style };
    if (!one) return html`<div class="row" ...${attributes}><span class="time soft" role="gridcell">…</span></div>`;
    const opens = () => { setChosen(wanted); open(where); };
    if (columns.length) {
      return html`<div class="row ${tone(one.table, one.row)}" ...${attributes} style=${{ ...style, ...shares }} onClick=${opens}>
        ${columns.map(([name], at) => html`<span key=${name} role="gridcell" class=${at === 0 ? "time" : ["name", "message", "outerMessage"].includes(name) ? "what" : ""}>${SHOWN[name] ? SHOWN[name](one.row[name]) : one.row[name]}</span>`)}</div>`;
    }
    const [sign, said] = mark(one.table, one.row);
    const end = [one.row.resultCode, duration(one.row.duration), one.row.cloud_RoleName].filter(Boolean).join("  ");
    return html`<div class="row ${tone(one.table, one.row)}" ...${attributes} onClick=${opens}>
      <span class="time" role="gridcell">${clock(one.row.timestamp)}</span>
      <span class="mark" role="gridcell"><span aria-hidden="true">${sign}</span><span class="hidden">${said}</span></span>
      <span class="kind" role="gridcell">${KINDS[one.table]}</span>
      <span class="what" role="gridcell">${title(one.table, one.row)}${one.warnings ? html` <span class="warn" title="accepted with warnings">⚠ ${one.warnings}</span>` : null}</span>
      <span class="end" role="gridcell">${end}</span>
    </div>`;
  };
  const shown = list.size;
  const total = found.total;
  return html`<div class="split ${item || operation ? "open" : ""}">
    <section class="left" aria-label="Items">
      <${Counts} live=${live} filter=${filter} />
      <${FilterBar} filter=${filter} kql=${found.kql} error=${found.error} />
      <div class="status">
        <span role="status">${found.ready ? (shown < total - found.waiting.size ? `newest ${number(shown)} of ${plural(total, "item")}` : plural(shown, "item")) : "…"}</span>
        ${found.waiting.size ? html`<button type="button" class="small main" onClick=${newest}>↑ ${plural(found.waiting.size, "new item")}</button>` : null}
        ${state.connectionString ? html`<button type="button" class="small" aria-pressed=${paused} onClick=${() => (paused ? newest() : setPaused(true))}>${paused ? "Go on" : "Pause"}</button>` : null}
      </div>
      ${columns.length && shown ? html`<div class="heads" style=${shares}>${columns.map(([name]) => html`<span key=${name}>${name}</span>`)}</div>` : html`<div></div>`}
      ${found.ready && !shown && !found.error ? html`<${Empty}>Nothing passes this filter. <${Link} to=${link({})}>Show all items<//>.<//>`
        : html`<${Rows} id="items" className="list" label="Items, the newest first" columns=${columns.length || 5} count=${shown} height=${HEIGHT} row=${row} chosen=${index}
            onChoose=${choose} onOpen=${open} onScroll=${(top) => setAtTop(top < HEIGHT)} moveTo=${moveTo} />`}
    </section>
    ${item || operation ? html`<${Side} key="side" item=${item} operation=${operation} compared=${state.comparison} onClose=${() => go(link({}, FILTERS))} />` : null}
  </div>`;
}

function Counts({ live, filter }) {
  const [failures, setFailures] = useState(null);
  useEffect(() => {
    if (!live) return;
    let wanted = true;
    // Asked anew at most every half second, however quickly items arrive.
    const timer = setTimeout(() => ask("numbers?failed=1").then((found) => wanted && setFailures(found.total), () => null), failures === null ? 0 : 500);
    return () => { wanted = false; clearTimeout(timer); };
  }, [live]);
  if (!live) return html`<div class="counts"></div>`;
  const tables = Object.entries(live.tables).filter(([, count]) => count);
  const current = (query) => (filter === query ? "page" : undefined);
  return html`<div class="counts" role="group" aria-label="What has arrived">
    <${Link} to=${link({})} aria-current=${current("")}>all <b>${number(live.last)}</b><//>
    ${failures ? html`<${Link} to=${link({ failed: "1" })} class="alarm" aria-current=${current("failed=1")}>✗ failed <b>${number(failures)}</b><//>` : null}
    ${tables.map(([table, count]) => html`<${Link} key=${table} to=${link({ table })} aria-current=${current(`table=${table}`)}>${table} <b>${number(count)}</b><//>`)}
    ${live.refused ? html`<${Link} to=${link({ view: "problems" })} class="alarm">refused <b>${number(live.refused)}</b><//>` : null}
  </div>`;
}

export function FilterBar({ filter, kql, error }) {
  const given = new URLSearchParams(filter);
  const [draft, setDraft] = useState(given.get("text") || "");
  const timer = useRef(null);
  useEffect(() => setDraft(given.get("text") || ""), [filter]);
  const set = (changes, replace) => {
    const now = new URLSearchParams(location.search);
    const next = {};
    for (const name of FILTERS) next[name] = now.getAll(name);
    go(link({ ...next, ...changes }, ["item", "tab"]), replace);
  };
  const enter = (text) => {
    clearTimeout(timer.current);
    // `cart=c-42` is a property, `severityLevel=3` a column; what is no such thing is text.
    const pair = /^\s*([A-Za-z_][\w.]*)\s*=\s*(.+?)\s*$/.exec(text);
    if (pair) set({ where: [...given.getAll("where"), `${pair[1].includes(".") || COLUMNS.has(pair[1]) ? pair[1] : `customDimensions.${pair[1]}`}=${pair[2]}`], text: null });
    else set({ text });
  };
  const typed = (text) => {
    setDraft(text);
    clearTimeout(timer.current);
    if (!text.includes("=")) timer.current = setTimeout(() => set({ text }, true), 180);
  };
  const chips = [];
  for (const name of ["table", "where", "since", "until", "severity", "failed"]) {
    for (const value of given.getAll(name)) chips.push([name, value, { table: value, where: value, since: `from ${value}`, until: `before ${value}`, severity: `at least ${SEVERITIES[value] || value}`, failed: "failed" }[name]]);
  }
  return html`<div class="filter" role="search">
    <input id="search" type="search" value=${draft} aria-label="Search items: text, or column=value" placeholder="text, or property=value    ( / )"
      onInput=${(event) => typed(event.target.value)} onKeyDown=${(event) => { if (event.key === "Enter") enter(event.target.value); if (event.key === "Escape") { event.target.blur(); document.getElementById("items")?.focus(); } }} />
    <select aria-label="Severity" onChange=${(event) => set({ severity: event.target.value })}>
      <option value="" selected=${!given.get("severity")}>any severity</option>${SEVERITIES.slice(1).map((name, place) => html`<option value=${place + 1} selected=${given.get("severity") === String(place + 1)}>${name} and above</option>`)}
    </select>
    <${TimeBrush} given=${given} set=${set} />
    ${kql ? html`<${Kql} query=${kql} />` : null}
    ${chips.map(([name, value, text]) => html`<span class="chip" key=${name + value}>${text}
      <button type="button" aria-label=${`Remove ${text}`} onClick=${() => set({ [name]: given.getAll(name).filter((one) => one !== value) })}>×</button></span>`)}
    <${Problem} error=${error} />
  </div>`;
}

const COLUMNS = new Set(`timestamp id source name url success resultCode duration performanceBucket target type data message severityLevel problemId
  method outerType outerMessage value metricNamespace category counter instance location itemType operation_Name operation_Id operation_ParentId
  user_Id session_Id application_Version client_Type client_IP cloud_RoleName cloud_RoleInstance appId iKey sdkVersion itemId itemCount`.split(/\s+/));

const SPANS = [["5 minutes", 300], ["1 hour", 3600], ["1 day", 86400]];

function TimeBrush({ given, set }) {
  const choose = (seconds) => set({ since: seconds ? new Date(Date.now() - seconds * 1000).toISOString().slice(0, 19) + "Z" : null, until: null });
  return html`<select aria-label="Time" onChange=${(event) => event.target.value !== "given" && choose(Number(event.target.value))}>
    <option value="" selected=${!given.get("since")}>any time</option>${SPANS.map(([text, seconds]) => html`<option value=${seconds}>last ${text}</option>`)}
    ${given.get("since") ? html`<option key="given" value="given" selected>as given</option>` : null}
  </select>`;
}
