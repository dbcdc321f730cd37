// Operations, the newest first: what each was, how long it took, whether all of it went well.
import { html, useState, useEffect, ask, go, link, useAddress, Empty, Problem, KINDS, clock, duration, plural } from "./core.js";
import { Side } from "./side.js";

const MANY = { dependencies: "dependencies", availabilityResults: "availabilities" };

export function Operations({ live, state: { comparison } }) {
  const { operation, item, filter } = useAddress();
  const failed = new URLSearchParams(filter).get("failed");
  const [state, setState] = useState({ operations: [], more: true, error: null, asked: false });
  const load = (before, known) => ask(`operations?before=${before || ""}&failed=${failed || ""}`).then(
    (found) => setState({ operations: [...known, ...found.operations], more: found.operations.length > 0, error: null, asked: true }),
    (error) => setState((now) => ({ ...now, error, asked: true })),
  );
  // New operations come to the top only while no older page was asked for.
  useEffect(() => { if (live && state.operations.length <= 50) load(null, []); }, [live?.last, live?.cleared, failed]);
  const longest = Math.max(1, ...state.operations.map((one) => one.duration_ms || 0));
  const open = (one) => go(link({ view: "operations", operation: one.operation_id, failed }));
  const body = state.operations.map((one) => html`<tr key=${one.operation_id} class=${one.success ? "" : "bad"}>
    <td class="mono">${clock(one.start)}</td>
    <td><a href=${link({ view: "operations", operation: one.operation_id, failed })} aria-current=${operation === one.operation_id ? "true" : undefined} onClick=${(event) => { if (!event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); open(one); } }}>${one.success ? "✓" : "✗"}<span class="hidden">${one.success ? "succeeded" : "failed"}</span> ${one.name || one.operation_id}</a></td>
    <td class="figure">${duration(one.duration_ms)}<meter class="hidden" max=${longest} value=${one.duration_ms || 0}></meter></td>
    <td class="soft">${one.role}</td>
    <td class="soft">${Object.entries(one.counts).map(([table, count]) => plural(count, KINDS[table], MANY[table])).join(", ")}</td>
  </tr>`);
  return html`<div class="split ${operation ? "open" : ""}">
    <section class="left whole" aria-label="Operations"><div class="inside wide">
      <label><input type="checkbox" checked=${Boolean(failed)} onChange=${(event) => go(link({ view: "operations", failed: event.target.checked ? "1" : null }))} /> only those with a failure</label>
      <${Problem} error=${state.error} />
      ${state.asked && !body.length ? html`<${Empty}>${failed ? "Nothing failed." : "No operation has arrived: requests and dependencies have one."}<//>` : html`<table>
        <thead><tr><th>start</th><th>operation</th><th class="figure">duration</th><th>role</th><th>items</th></tr></thead><tbody>${body}</tbody></table>`}
      ${state.more && body.length >= 50 ? html`<p><button type="button" onClick=${() => load(state.operations.at(-1).last_number, state.operations)}>Older ones</button></p>` : null}
    </div></section>
    ${operation ? html`<${Side} key="side" item=${item} operation=${operation} compared=${comparison} onClose=${() => go(link({ view: "operations", failed }))} />` : null}
  </div>`;
}
