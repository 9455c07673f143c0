// Nothing is lost: the diagram is kept in the browser and in the page's own address.

import { fromLink, toLink } from "../formats/link.js";
import { tidied } from "./diagram.js";
import { RINGED } from "./words.js";

const KEY = `cidmesa.explorer.${globalThis.CIDMESA.key}`;

export class Store {
  constructor(studio, view) {
    this.studio = studio;
    this.view = view;
    this.timer = 0;
    this.link = "";
    this.changed = false;
  }

  // Keeps every change at once: what is left for the end may come after the next page has read. A drag is kept when it
  // is over, and the address, which takes longer, soon after.
  watch() {
    this.studio.listen((what) => {
      if (what === "places" && this.view.svg.classList.contains("dragging")) this.changed = true;
      else if (["diagram", "places", "options", "settled"].includes(what)) this.keep();
    });
    addEventListener("pagehide", () => this.changed && this.keep());
    this.putAddress(); // nothing is written before something has changed: another window may be ahead of this one
  }

  keep() {
    this.changed = false;
    const { diagram, options } = this.studio;
    try {
      localStorage.setItem(KEY, JSON.stringify({ diagram, options, view: this.view.camera }));
    } catch {
      // a browser that keeps nothing still has the link
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.putAddress(), 200);
  }

  async putAddress() {
    const { diagram } = this.studio;
    const link = await toLink(diagram);
    if (diagram !== this.studio.diagram) return; // a later one is on its way
    this.link = link;
    try {
      history.replaceState(null, "", `#${link}`);
    } catch {
      // a page within another page may have no address of its own
    }
  }

  async address() {
    this.link = await toLink(this.studio.diagram);
    return `${location.href.split("#")[0]}#${this.link}`;
  }
}

// What was kept: {diagram, options, view}, or null. Nothing in it is trusted.
export function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    const diagram = tidied(found.diagram);
    return diagram && { diagram, options: soundOptions(found.options), view: soundView(found.view) };
  } catch {
    return null;
  }
}

function soundOptions(options) {
  const sound = {};
  for (const name of ["reduction", "snap"]) if (typeof options?.[name] === "boolean") sound[name] = options[name];
  const shown = Object.entries(options?.shown ?? {}).filter(
    ([name, on]) => RINGED.includes(name) && typeof on === "boolean",
  );
  return { sound, shown: Object.fromEntries(shown) };
}

function soundView(view) {
  return [view?.x, view?.y, view?.k].every(Number.isFinite) && view.k > 0 ? { x: view.x, y: view.y, k: view.k } : null;
}

// The diagram of the page's address, or null; what is wrong with it is thrown.
export async function linked() {
  return /^#[dj]=/.test(location.hash) ? (await fromLink(location.hash)).diagram : null;
}
