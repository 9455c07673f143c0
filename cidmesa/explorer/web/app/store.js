// Nothing is lost: the diagram is kept in the browser and in the page's own address.

import { fromLink, toLink } from "../formats/link.js";
import { tidied } from "./diagram.js";

const KEY = `cidmesa.explorer.${globalThis.CIDMESA.key}`;

export class Store {
  constructor(studio, view) {
    this.studio = studio;
    this.view = view;
    this.timer = 0;
    this.link = "";
  }

  // Keeps the diagram soon, and at once when the page goes away.
  watch() {
    this.studio.listen((what) => {
      if (what !== "diagram" && what !== "places" && what !== "options") return;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.keep(), 250);
    });
    addEventListener("pagehide", () => this.keep());
    document.addEventListener("visibilitychange", () => document.hidden && this.keep());
  }

  keep() {
    clearTimeout(this.timer);
    const { diagram, options } = this.studio;
    try {
      localStorage.setItem(KEY, JSON.stringify({ diagram, options, view: this.view.camera }));
    } catch {
      // a browser that keeps nothing still has the link
    }
    toLink(diagram).then((link) => {
      this.link = link;
      try {
        history.replaceState(null, "", `#${link}`);
      } catch {
        // a page within another page may have no address of its own
      }
    });
  }

  async address() {
    this.link = await toLink(this.studio.diagram);
    return `${location.href.split("#")[0]}#${this.link}`;
  }
}

// What was kept: {diagram, options, view}, or null.
export function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    const diagram = tidied(found.diagram);
    return diagram && { diagram, options: found.options ?? {}, view: found.view ?? null };
  } catch {
    return null;
  }
}

// The diagram of the page's address, or null; what is wrong with it is thrown.
export async function linked() {
  return /^#[dj]=/.test(location.hash) ? (await fromLink(location.hash)).diagram : null;
}
