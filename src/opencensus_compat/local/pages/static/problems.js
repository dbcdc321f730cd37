// What the service would refuse, with the field that was wrong, and what it would take although the schema forbids it.
import { html, useState, useEffect, ask, link, Link, Empty, Problem, number } from "./core.js";
import { Envelope } from "./side.js";

export function Problems({ live }) {
  const [state, setState] = useState({ refused: [], warnings: [], more: false, error: null, asked: false });
  const load = (before, known) => ask(`problems?before=${before || ""}`).then(
    (found) => setState({ refused: [...known, ...found.refused], warnings: found.warnings, more: found.refused.length >= 100, error: null, asked: true }),
    (error) => setState((now) => ({ ...now, error, asked: true })),
  );
  useEffect(() => { if (live) load(null, []); }, [live?.refused, live?.warnings, live?.cleared]);
  if (!state.asked) return null;
  return html`<div class="inside">
    <${Problem} error=${state.error} />
    <h2>Refused: ${number(live ? live.refused : state.refused.length)}</h2>
    ${state.refused.length ? state.refused.map((one) => html`<details class="card" key=${one.number}><summary><b class="bad">${one.status}</b> ${one.message}</summary>
      <p class="soft">Item ${one.index + 1} of its request. The service drops such an item.</p><${Envelope} text=${one.envelope} marks=${one.path ? [{ path: one.path, text: one.message }] : []} /></details>`) : html`<${Empty}>Nothing was refused.<//>`}
    ${state.more ? html`<p><button type="button" onClick=${() => load(state.refused.at(-1).number, state.refused)}>Older ones</button></p>` : null}
    <h2 class="next">Accepted with warnings</h2>
    ${state.warnings.length ? html`<table><thead><tr><th class="figure">times</th><th>field</th><th>what</th><th>for example</th></tr></thead><tbody>
      ${state.warnings.map((one) => html`<tr key=${one.path + one.text}><td class="figure">${number(one.count)}</td><td class="mono">${one.path}</td><td>${one.text}</td><td><${Link} to=${link({ item: one.item, tab: "envelope" })}>item ${one.item}<//></td></tr>`)}</tbody></table>` : html`<${Empty}>No warnings.<//>`}
  </div>`;
}
