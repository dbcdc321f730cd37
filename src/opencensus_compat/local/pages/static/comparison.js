// Two recordings beside each other, by table and column as `census-compat compare` says it; what is meant can be accepted with a reason.
import { html, useState, useAnswer, change, link, Link, Problem, number, plural } from "./core.js";

export function Comparison() {
  const { found, error } = useAnswer("comparison");
  const [newer, setNewer] = useState(null);
  const now = newer || found;
  if (!now) return html`<${Problem} error=${error} />${error ? null : html`<p class="empty" role="status">comparing …</p>`}`;
  const open = now.differences.filter((one) => !one.accepted);
  const accepted = now.differences.filter((one) => one.accepted);
  return html`<div class="inside">
    <h2 class=${now.verdict === "equal" ? "good" : "bad"} role="status">${{ equal: "Nothing differs but what is accepted.", different: `${plural(open.length, "difference")} that nothing accepts.`, "not comparable": "Not comparable." }[now.verdict]}</h2>
    <p class="soft">before: <bdi class="mono">${now.before}</bdi> · after: <bdi class="mono">${now.after}</bdi> (the other views show it)</p>
    ${now.problems.map((one) => html`<p class="problem">${one.text}</p>`)}
    <table aria-label="Tables"><thead><tr><th>table</th><th class="figure">before</th><th class="figure">after</th></tr></thead><tbody>
      ${now.tables.map((one) => html`<tr key=${one.table}><td>${one.table}</td><td class="figure">${number(one.before)}</td><td class="figure ${one.before === one.after ? "" : "bad"}">${number(one.after)}</td></tr>`)}</tbody></table>
    ${open.length ? html`<h3>What differs</h3>` : null}
    <div class="cards" style=${{ padding: 0 }}>${open.map((one) => html`<${Difference} key=${`${one.table} ${one.column} ${one.count}`} one=${one} list=${now.list} onAccepted=${setNewer} />`)}</div>
    ${accepted.length ? html`<h3>Accepted</h3><div class="cards" style=${{ padding: 0 }}>${accepted.map((one, place) => html`<${Difference} key=${place} one=${one} />`)}</div>` : null}
    ${now.unused.length ? html`<p class="note">Entries of the list that nothing needs any more: ${now.unused.map((one) => one.source || one.reason).join(", ")}</p>` : null}
    ${now.volatile.length ? html`<p class="soft">Not compared, since it differs between runs of the program before: ${now.volatile.map((one) => `${one.table} ${one.column}`).join(", ")}</p>` : null}
  </div>`;
}

function Difference({ one, list, onAccepted }) {
  const [reason, setReason] = useState("");
  const [error, setError] = useState(null);
  const accept = async (event) => {
    event.preventDefault();
    try { onAccepted(await change("accept", { table: one.table, column: one.column, reason, changes: one.changes.map((each) => [each.before, each.after]) })); }
    catch (failure) { setError(failure); }
  };
  return html`<section class="card" aria-label=${`${one.table} ${one.column}`}>
    <b>${one.table}</b> <span class="mono">${one.column}</span> <span class="soft">in ${number(one.count)} of ${number(one.of)}</span> ${one.note ? html`<span class="warn">${one.note}</span>` : null} ${one.shown ? null : html`<span class="soft">the portal shows both alike</span>`}
    <table><tbody>${one.changes.map((each, place) => html`<tr key=${place}><td class="mono"><del><bdi>${each.before}</bdi></del></td><td class="mono"><ins><bdi>${each.after}</bdi></ins></td><td class="figure">${number(each.count)}</td>
      <td class="soft">${each.examples.map((name, at) => html`${at ? ", " : ""}<${Link} to=${link({ table: one.table, text: name.slice(0, 60) })}>${name}<//>`)}${each.code.map((code) => html`<div class="mono">${code.before}${code.after && code.after !== code.before ? ` → ${code.after}` : ""}</div>`)}</td></tr>`)}</tbody></table>
    ${one.distinct > one.changes.length ? html`<p class="soft">and ${plural(one.distinct - one.changes.length, "more change")}</p>` : null}
    ${one.accepted ? html`<p class="soft">${one.accepted.known ? `${one.accepted.known}: ` : ""}${one.accepted.reason}</p>` : html`<form class="filter" style=${{ padding: "6px 0 0" }} onSubmit=${accept}>
      <input type="text" required aria-label="Why this difference is meant" placeholder="why this is meant" value=${reason} onInput=${(event) => setReason(event.target.value)} style=${{ flex: 1 }} />
      <button class="small">Accept</button><span class="soft">writes ${list}</span></form>`}
    <${Problem} error=${error} />
  </section>`;
}
