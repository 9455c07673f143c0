// What the tests look at in the page: read off the document, as a person would see it.

globalThis.look = {
  all: (selector) => [...document.querySelectorAll(selector)],
  text: (selector) => document.querySelector(selector)?.textContent ?? "",
  nodes: () => look.all("#canvas [data-node]").map((node) => node.dataset.node),
  links: (selector) => look.all(selector).map((link) => [link.dataset.tail, link.dataset.head]),
  places: () =>
    JSON.stringify(look.all("#canvas [data-node]").map((node) => [node.dataset.node, node.getAttribute("transform")])),
  place: (name) =>
    look
      .all("#canvas [data-node]")
      .find((node) => node.dataset.node === name)
      .getAttribute("transform"),
  rings: (criterion) => look.all(`#canvas .ring.${criterion}`).map((ring) => ring.closest("[data-node]").dataset.node),
  cells: () => look.all("#verdicts td").map((cell) => [cell.dataset.criterion, cell.dataset.name, cell.textContent]),
  choose: (selector, value) => {
    const field = document.querySelector(selector);
    field.value = value;
    field.dispatchEvent(new Event("change"));
  },
  // Writes nonsense where the browser keeps the diagram, and lets nothing be kept after it.
  spoil: (text) => {
    for (const key of Object.keys(localStorage)) localStorage.setItem(key, text);
    Storage.prototype.setItem = () => {};
  },
  paste: async (text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
    await look.painted();
  },
  middle: (selector) => {
    const element = document.querySelector(selector);
    if (!element) throw new Error(`nothing here is ${selector}`);
    if (!element.closest("svg")) element.scrollIntoView({ block: "nearest" });
    const box = element.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  },
  painted: () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))),

  // Controls that screen readers could not name.
  nameless: () =>
    look
      .all("button, input, select, textarea, [role=button]")
      .filter((one) => !one.closest("[hidden]"))
      .filter((one) => !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length || one.title))
      .map((one) => one.outerHTML),

  // Visible texts whose contrast with what is behind them is under 4.5.
  poor: () => {
    const parse = (colour) => colour.match(/[\d.]+/g).map(Number);
    const channel = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const behind = (element) => {
      const node = element.closest("[data-node]");
      if (node)
        return parse(getComputedStyle(node.querySelector(element.matches(".badge-text") ? ".badge" : ".body")).fill);
      for (let at = element; at; at = at.parentElement) {
        const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor);
        if (a === 1) return [r, g, b];
      }
      return [255, 255, 255];
    };
    const shown = (element) =>
      element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) &&
      !element.closest(".hush, dialog:not([open]), script, style, :disabled") &&
      [...element.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    const found = [];
    for (const element of look.all("body *").filter(shown)) {
      const style = getComputedStyle(element);
      const [one, other] = [parse(element.closest("[data-node]") ? style.fill : style.color), behind(element)].map(
        light,
      );
      const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (ratio < 4.5) found.push([element.textContent.trim().slice(0, 30), ratio.toFixed(2)]);
    }
    return found;
  },

  moving: () => look.all("*").filter((one) => getComputedStyle(one).transitionDuration !== "0s").length,

  // Are all nodes within the window and above the legend?
  inSight: () => {
    const bottom = document.querySelector("#legend").getBoundingClientRect().top;
    return look.all("#canvas .body").every((body) => {
      const box = body.getBoundingClientRect();
      return box.left >= 0 && box.right <= innerWidth && box.top >= 0 && box.bottom <= bottom;
    });
  },

  // Times from a movement of the mouse to the frame that shows it.
  watch: () => {
    look.times = [];
    const note = (event) =>
      requestAnimationFrame(() => {
        const channel = new MessageChannel(); // its message comes once the frame is painted
        channel.port1.onmessage = () => look.times.push(performance.now() - event.timeStamp);
        channel.port2.postMessage(0);
      });
    document.querySelector("#canvas").addEventListener("pointermove", note, true);
  },

  // The time from a node's change of kind to the picture with the new verdicts.
  toggle: async (name) => {
    const { studio } = await explorer;
    const start = performance.now();
    const other = (node) => ({ ...node, kind: node.kind === "chance" ? "decision" : "chance" });
    const nodes = studio.diagram.nodes.map((node) => (node.name === name ? other(node) : node));
    studio.take({ diagram: { ...studio.diagram, nodes } });
    await new Promise((done) =>
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = done;
        channel.port2.postMessage(0);
      }),
    );
    return performance.now() - start;
  },
};
