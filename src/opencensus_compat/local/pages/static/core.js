// What all views share: the library, questions to the server, the address bar, and how values are written.
// Whatever telemetry says is put on the page as text nodes; nothing here makes markup from it.
import { html, render, useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback } from "./vendor/htm-preact.js";

export { html, render, useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback };

export async function ask(question, options) {
  const reply = await fetch("/_api/" + question, { cache: "no-store", ...options });
  const found = await reply.json();
  if (!reply.ok) throw Object.assign(new Error(found.error || reply.statusText), { status: reply.status });
  return found;
}

export const change = (what, body) =>
  ask(what, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// The answer to a question, asked again when the question or one of `again` changes; the last answer stays until the next is there.
export function useAnswer(question, again = []) {
  const [state, setState] = useState({ found: null, error: null, question: null });
  useEffect(() => {
    if (!question) return setState({ found: null, error: null, question });
    let wanted = true;
    ask(question).then(
      (found) => wanted && setState({ found, error: null, question }),
      (error) => wanted && setState((before) => ({ found: before.question === question ? before.found : null, error, question })),
    );
    return () => { wanted = false; };
  }, [question, ...again]);
  return state;
}

// ---- the address bar: all that a view shows is in it, so that Back, a reload and a copied address find it again

const listeners = new Set();
export const FILTERS = ["table", "where", "text", "since", "until", "severity", "failed"];

export function address() {
  const given = new URLSearchParams(location.search);
  return {
    view: given.get("view") || "items",
    item: Number(given.get("item")) || null,
    operation: given.get("operation"),
    tab: given.get("tab"),
    metric: given.get("metric"),
    by: given.get("by"),
    as: given.get("as"),
    find: given.get("find") || "",
    filter: filterOf(given),
  };
}

export function filterOf(given) {
  const kept = new URLSearchParams();
  for (const name of FILTERS) for (const value of given.getAll(name)) if (value !== "") kept.append(name, value);
  return kept.toString();
}

export function link(changes, keep = []) {
  const now = new URLSearchParams(location.search);
  const next = new URLSearchParams();
  for (const name of keep) for (const value of now.getAll(name)) next.append(name, value);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    for (const one of [value].flat()) if (one !== null && one !== undefined && one !== "" && one !== false) next.append(name, one);
  }
  const query = next.toString();
  return location.pathname + (query ? "?" + query : "");
}

export function go(to, replace) {
  if (to === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  for (const listener of listeners) listener();
}

export function useAddress() {
  const [found, setFound] = useState(address);
  useEffect(() => {
    const changed = () => setFound(address());
    listeners.add(changed);
    addEventListener("popstate", changed);
    return () => { listeners.delete(changed); removeEventListener("popstate", changed); };
  }, []);
  return found;
}

// Links are links: a middle click opens a tab, a plain one stays on the page.
export function Link({ to, children, ...rest }) {
  const follow = (event) => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return html`<a href=${to} onClick=${follow} ...${rest}>${children}</a>`;
}

// ---- values in words

export const KINDS = {
  requests: "request", dependencies: "dependency", traces: "trace", exceptions: "exception", customEvents: "event",
  customMetrics: "metric", performanceCounters: "counter", availabilityResults: "availability", pageViews: "page view",
};
export const SEVERITIES = ["Verbose", "Information", "Warning", "Error", "Critical"];

export function failed(table, row) {
  return table === "exceptions" || row.success === "False" || row.success === "0";
}

export function tone(table, row) {
  if (failed(table, row) || row.severityLevel >= 3) return "bad";
  return row.severityLevel === 2 ? "warn" : "";
}

export function mark(table, row) {
  if (table === "exceptions") return ["!", "exception"];
  if ("success" in row && row.success !== null) return failed(table, row) ? ["✗", "failed"] : ["✓", "succeeded"];
  if (row.severityLevel >= 3) return ["✗", SEVERITIES[row.severityLevel] || "severe"];
  if (row.severityLevel === 2) return ["▲", "Warning"];
  return ["·", ""];
}

export function title(table, row) {
  if (table === "traces") return firstLine(row.message);
  if (table === "exceptions") return `${row.type || ""}: ${firstLine(row.outerMessage || row.message)}`;
  if (table === "customMetrics") {
    const spread = row.valueCount > 1 ? ` (${row.valueCount} values, ${number(row.valueMin)} to ${number(row.valueMax)})` : "";
    return `${row.name} = ${number(row.valueSum)}${spread}`;
  }
  if (table === "performanceCounters") {
    const instance = row.instance ? `(${row.instance})` : "";
    return `${row.category || ""}${instance} ${row.name} = ${number(row.value)}`.trim();
  }
  return firstLine(row.name) || "(no name)";
}

const firstLine = (text) => String(text === null || text === undefined ? "" : text).split("\n", 1)[0];

export function number(value) {
  if (value === null || value === undefined) return "";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return value.toLocaleString("en", { maximumSignificantDigits: 5 });
}

export function duration(ms) {
  if (ms === null || ms === undefined) return "";
  if (ms < 1) return `${Number(ms.toPrecision(2))} ms`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(2)} s`;
  return `${Math.floor(ms / 60000)} min ${Math.round((ms % 60000) / 1000)} s`;
}

// Milliseconds since the epoch, with the microseconds that Date drops.
export function instant(text) {
  const whole = Date.parse(String(text).slice(0, 19) + "Z");
  const fraction = /\.(\d+)/.exec(text || "");
  return whole + (fraction ? Number("0." + fraction[1]) * 1000 : 0);
}

export const clock = (text) => String(text || "").slice(11, 23);

export function plural(count, one, many = one + "s") {
  return `${number(count)} ${count === 1 ? one : many}`;
}

// ---- small parts

export function Copy({ text, label = "Copy" }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return html`<button type="button" class="small" onClick=${copy}>${done ? "Copied" : label}</button>`;
}

export function Kql({ query }) {
  const [open, setOpen] = useState(false);
  return html`<span class="kql">
    <button type="button" class="small" aria-expanded=${open} onClick=${() => setOpen(!open)}>as KQL</button>
    ${open && html`<div class="popup" role="group" aria-label="Query for the portal"><pre tabindex="0">${query}</pre><${Copy} text=${query} /></div>`}
  </span>`;
}

export function Problem({ error }) {
  return error ? html`<p class="problem" role="alert">${error.message}</p>` : null;
}

export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;
