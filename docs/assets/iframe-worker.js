/* A page that a browser opened from a disk may start no worker. Its search then runs in a frame, which gets and sends the same messages.
   The search itself looks for the name `IFrameWorker` in its parent. */
(() => {
  if (location.protocol !== "file:") return;
  class IFrameWorker extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.srcdoc = `<script>postMessage = (message) => parent.postMessage(message, "*")</` + `script><script src="${url}"></` + "script>";
      this.ready = new Promise((resolve) => frame.addEventListener("load", () => resolve(frame.contentWindow)));
      document.body.append(frame);
      addEventListener("message", (event) => {
        if (event.source === frame.contentWindow) this.dispatchEvent(new MessageEvent("message", { data: event.data }));
      });
    }
    postMessage(message) {
      this.ready.then((inner) => inner.dispatchEvent(new MessageEvent("message", { data: message })));
    }
    terminate() {}
  }
  window.IFrameWorker = window.Worker = IFrameWorker;
})();
