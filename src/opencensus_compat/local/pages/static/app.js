// The frame of the pages: navigation, what arrives while they are open, keys for every view.
import { html, render, useState, useEffect, useRef, ask, go, link, useAddress, Link } from "./core.js";
import { Items } from "./items.js";
import { Operations } from "./operations.js";
import { Metrics } from "./metrics.js";
import { ApplicationMap } from "./map.js";
import { Problems } from "./problems.js";
import { Comparison } from "./comparison.js";

const VIEWS = [
  ["items", "Items", "l", Items], ["operations", "Operations", "o", Operations], ["metrics", "Metrics", "m", Metrics],
  ["map", "Map", "a", ApplicationMap], ["problems", "Problems", "p", Problems], ["comparison", "Comparison", "c", Comparison],
];
const RETRY_MS = [500, 1000, 2000, 5000];

// What has arrived so far, told by the server; when it goes away, it is asked for again until it is back.
function useLive() {
  const [live, setLive] = useState(null);
  const [lost, setLost] = useState(false);
  useEffect(() => {
    let stream, timer, tries = 0, ended = false;
    const listen = () => {
      stream = new EventSource("/_api/events");
      stream.onmessage = (event) => { tries = 0; setLost(false); setLive(JSON.parse(event.data)); };
      stream.onerror = () => {
        stream.close();
        if (ended) return;
        setLost(true);
        timer = setTimeout(listen, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
      };
    };
    const stop = () => { ended = true; clearTimeout(timer); stream?.close(); };
    const again = (event) => { if (event.persisted) { ended = false; listen(); } };
    listen();
    addEventListener("pagehide", stop);
    addEventListener("pageshow", again);
    return () => { stop(); removeEventListener("pagehide", stop); removeEventListener("pageshow", again); };
  }, []);
  return [live, lost];
}

function App() {
  const { view } = useAddress();
  const [live, lost] = useLive();
  const [state, setState] = useState(null);
  const [help, setHelp] = useState(false);
  useEffect(() => { ask("state").then((found) => { setState(found); document.title = `${found.title} – census-compat local`; }, () => null); }, [lost, live?.cleared]);
  useKeys(state, () => setHelp(true));
  if (!state) return html`<p class="empty" role="status">…</p>`;
  const [, , , View] = VIEWS.find(([name]) => name === view) || VIEWS[0];
  const shown = VIEWS.filter(([name]) => name !== "comparison" || state.comparison);
  return html`<div class="page">
    <header>
      <h1>census-compat local</h1>
      <nav aria-label="Views">${shown.map(([name, text]) => html`<${Link} key=${name} to=${link({ view: name === "items" ? null : name })} aria-current=${view === name ? "page" : undefined}>${text}${name === "problems" && live && live.refused ? ` (${live.refused})` : ""}<//>`)}</nav>
      <div class="about">
        <span class="name soft" title=${state.title}>${state.title}</span>
        ${state.connectionString ? html`<${Clear} />` : html`<span class="soft">read only</span>`}
        <button type="button" class="small" onClick=${() => setHelp(true)} aria-label="Keys">?</button>
      </div>
    </header>
    <div>${lost ? html`<p class="banner" role="alert">The endpoint does not answer. What is shown is what had arrived; this page goes on by itself.</p>` : null}</div>
    <main><${View} live=${live} state=${state} /></main>
    ${help ? html`<${Help} onClose=${() => setHelp(false)} views=${shown} />` : null}
  </div>`;
}

function Clear() {
  const [sure, setSure] = useState(false);
  const clear = async () => {
    if (!sure) { setSure(true); setTimeout(() => setSure(false), 3000); return; }
    await fetch("/_control/clear", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
    setSure(false);
    go(link({}));
  };
  return html`<button type="button" class="small" onClick=${clear}>${sure ? "Forget all items?" : "Clear"}</button>`;
}

function useKeys(state, onHelp) {
  const before = useRef("");
  useEffect(() => {
    const pressed = (event) => {
      if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
      if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || document.querySelector("dialog[open]")) return;
      const was = before.current;
      before.current = event.key;
      const found = was === "g" && VIEWS.find(([name, , key]) => key === event.key && (name !== "comparison" || state?.comparison));
      if (found) go(link({ view: found[0] === "items" ? null : found[0] }));
      else if (event.key === "/") document.querySelector('input[type="search"]')?.focus();
      else if (event.key === "?") onHelp();
      else if (event.key === "Escape") document.querySelector(".side .bar button")?.click();
      else if (event.key === "j" || event.key === "k") { const list = document.querySelector('[role="grid"], [role="treegrid"]'); list?.focus(); list?.dispatchEvent(new KeyboardEvent("keydown", { key: event.key })); }
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [state]);
}

function Help({ onClose, views }) {
  const box = useRef(null);
  useEffect(() => { box.current.showModal(); }, []);
  const keys = [["/", "search"], ["j k  ↓ ↑", "next, previous row"], ["Home End", "first, last row"], ["Enter", "open the row"], ["Esc", "close what is open, and go back to its row"], ["← →", "hide, show what is inside a row of the timeline"]];
  return html`<dialog ref=${box} onClose=${onClose} aria-label="Keys"><h2>Keys</h2>
    <table><tbody>${[...keys, ...views.map(([, text, key]) => [`g ${key}`, text])].map(([key, does]) => html`<tr key=${key}><th scope="row">${key.split(" ").filter(Boolean).map((one) => html`<kbd>${one}</kbd> `)}</th><td>${does}</td></tr>`)}</tbody></table>
    <p class="soft">In the search field, <kbd>property=value</kbd> and Enter makes a filter. All that a view shows is in the address bar.</p>
    <form method="dialog"><button class="main">Close</button></form></dialog>`;
}

render(html`<${App} />`, document.getElementById("app"));
