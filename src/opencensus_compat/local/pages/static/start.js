// What is shown while nothing has arrived: how to send something.
import { html, Copy } from "./core.js";

export function Start({ state }) {
  if (!state.connectionString) return html`<div class="inside"><h2>This recording is empty.</h2></div>`;
  const line = `APPLICATIONINSIGHTS_CONNECTION_STRING="${state.connectionString}"`;
  const redirect = `APPINSIGHTS_EXPORTER_REDIRECT="${new URL("/", location.href)}"`;
  return html`<div class="inside">
    <h2>Nothing has arrived yet. To send something:</h2>
    <p>Start a program whose exporters take the connection string from the environment:</p>
    <pre tabindex="0" id="start-command">${line} python app.py</pre> <${Copy} text=${`${line} python app.py`} />
    <p>Or send here whatever connection string the program itself gives:</p>
    <pre tabindex="0">${redirect} python app.py</pre> <${Copy} text=${`${redirect} python app.py`} />
    <p class="soft">Items appear here as they arrive. Nothing is sent to Azure.</p>
  </div>`;
}
