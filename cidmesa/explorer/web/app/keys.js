// The keyboard: everything that the mouse can do.

import { readAny } from "../formats/any.js";
import { toYaml } from "../formats/yaml.js";
import { KINDS, change, insert, nodeOf, partOf, remove, setKind, tidied } from "./diagram.js";
import { middle } from "./arrange.js";

const STEP = 10;
const OWN = "application/x-cidmesa";

export class Keys {
  constructor(studio, canvas, gestures, actions) {
    Object.assign(this, { studio, canvas, gestures, actions });
    this.tabbing = false;
    document.addEventListener("keydown", (event) => this.down(event));
    document.addEventListener("pointerdown", () => (this.tabbing = false), true);
    document.addEventListener("keyup", (event) => event.code === "Space" && (gestures.space = false));
    for (const what of ["copy", "cut", "paste"]) document.addEventListener(what, (event) => this.clip(event, what));
    canvas.svg.addEventListener("focusin", (event) => {
      const name = event.target.dataset?.node;
      if (!name || !this.tabbing || !nodeOf(studio.diagram, name)) return; // who walks with the tab key selects
      if (!studio.selection.has(name)) studio.select([name]);
      canvas.reveal(name);
    });
  }

  down(event) {
    this.tabbing = event.key === "Tab";
    const { node } = event.target.dataset ?? {};
    if (node && !this.tabbing && !this.studio.selection.has(node) && nodeOf(this.studio.diagram, node))
      this.studio.select([node]);
    if (event.target.closest("input, textarea, select, dialog")) return;
    const onPicture = event.target.closest("#canvas") || event.target === document.body;
    const done =
      event.ctrlKey || event.metaKey
        ? this.command(event)
        : onPicture || /^[?]$/.test(event.key)
          ? this.plain(event)
          : false;
    if (done) event.preventDefault();
  }

  command(event) {
    const { studio, actions } = this;
    const key = event.key.toLowerCase();
    if (key === "z") event.shiftKey ? studio.redo() : studio.undo();
    else if (key === "y") studio.redo();
    else if (key === "a") studio.select(studio.diagram.nodes.map((one) => one.name));
    else if (key === "d") this.paste(partOf(studio.diagram, studio.selection), 30, 30);
    else if (key === "s") actions.exportDialog();
    else if (key === "o") actions.importDialog();
    else return false;
    return true;
  }

  plain(event) {
    const { studio, canvas, gestures, actions } = this;
    const focused = event.target.dataset?.node ?? [...studio.selection][0] ?? null;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (arrows[event.key]) return this.arrow(arrows[event.key], event);
    switch (event.key) {
      case "c":
      case "C":
        gestures.add("chance");
        return true;
      case "d":
      case "D":
        gestures.add("decision");
        return true;
      case "u":
      case "U":
        gestures.add("utility");
        return true;
      case "l":
      case "L":
        return this.linkKey(focused);
      case "Enter":
        if (studio.linking) return this.linkKey(focused);
        if (focused) gestures.rename(focused);
        return focused !== null;
      case "F2":
        if (focused) gestures.rename(focused);
        return focused !== null;
      case "k":
      case "K":
        return this.nextKind();
      case "a":
      case "A":
        return this.nextAgent();
      case "t":
      case "T":
        actions.toggleTargets([...studio.selection]);
        return true;
      case "m":
      case "M":
        actions.toggleMesa();
        return true;
      case "r":
      case "R":
        studio.choose({ reduction: !studio.options.reduction });
        return true;
      case "g":
      case "G":
        actions.layout();
        return true;
      case "Delete":
      case "Backspace":
        return this.remove();
      case "Escape":
        studio.linking = null;
        canvas.rubber = null;
        studio.tool = "select";
        studio.select([]);
        studio.show(null);
        return true;
      case "+":
      case "=":
        canvas.zoom(1.2);
        return true;
      case "-":
      case "_":
        canvas.zoom(1 / 1.2);
        return true;
      case "0":
        canvas.fit();
        return true;
      case "?":
        actions.help();
        return true;
      case " ":
        gestures.space = true;
        if (event.target.dataset?.node) studio.select([event.target.dataset.node]);
        return true;
      default:
        return false;
    }
  }

  // Moves what is selected, or the camera if nothing is.
  arrow([dx, dy], event) {
    const { studio, canvas } = this;
    if (!studio.selection.size) canvas.pan(-dx * 40, -dy * 40);
    else {
      const step = event.shiftKey ? 1 : STEP;
      studio.take(
        change(studio.diagram, studio.selection, (one) => ({ x: one.x + dx * step, y: one.y + dy * step })),
        "arrow",
      );
      canvas.paint();
      canvas.reveal([...studio.selection][0]);
    }
    return true;
  }

  linkKey(focused) {
    const { studio, gestures } = this;
    if (!focused || !nodeOf(studio.diagram, focused)) return false;
    if (studio.linking && studio.linking !== focused) gestures.finishLink(studio.linking, focused);
    else if (studio.linking) studio.linking = null;
    else gestures.beginLink(focused);
    this.canvas.soon();
    return true;
  }

  nextKind() {
    const { studio } = this;
    const first = nodeOf(studio.diagram, [...studio.selection][0]);
    if (!first) return false;
    const kind = KINDS[(KINDS.indexOf(first.kind) + 1) % KINDS.length];
    const taken = studio.take(setKind(studio.diagram, studio.selection, kind));
    if (!taken && kind === "utility") studio.take(setKind(studio.diagram, studio.selection, "chance"));
    return true;
  }

  nextAgent() {
    const { studio } = this;
    const mine = studio.diagram.nodes.filter((one) => studio.selection.has(one.name) && one.kind !== "chance");
    if (!mine.length || studio.diagram.agents.length < 2) return false;
    const agent = (mine[0].agent + 1) % studio.diagram.agents.length;
    studio.take(
      change(
        studio.diagram,
        mine.map((one) => one.name),
        () => ({ agent }),
      ),
    );
    return true;
  }

  remove() {
    const { studio, canvas } = this;
    if (!studio.selection.size && !studio.link) return false;
    const order = canvas.inOrder();
    const at = order.findIndex((name) => studio.selection.has(name));
    studio.take(remove(studio.diagram, [...studio.selection], studio.link ? [studio.link] : []));
    const next = canvas.inOrder()[Math.max(0, at - 1)];
    if (at >= 0 && next) canvas.focus(next);
    return true;
  }

  // Copying gives other programs YAML, and the explorer the nodes with their places.
  async clip(event, what) {
    const { studio } = this;
    if (event.target.closest?.("input, textarea, dialog")) return;
    if (what !== "paste") {
      if (!studio.selection.size) return;
      const part = partOf(studio.diagram, studio.selection);
      studio.clipboard = part;
      event.clipboardData.setData("text/plain", toYaml(part));
      event.clipboardData.setData(OWN, JSON.stringify(part));
      event.preventDefault();
      if (what === "cut") this.remove();
      studio.say(
        `${part.nodes.length} ${part.nodes.length === 1 ? "node" : "nodes"} ${what === "cut" ? "cut" : "copied"}.`,
      );
      return;
    }
    event.preventDefault();
    const own = event.clipboardData.getData(OWN);
    const text = event.clipboardData.getData("text/plain");
    try {
      const part = own ? tidied(JSON.parse(own)) : null;
      if (part) this.paste(part, 30, 30);
      else if (text.trim()) {
        const { diagram, placed } = await readAny(text);
        this.actions.add(diagram, placed);
      } else if (studio.clipboard) this.paste(studio.clipboard, 30, 30);
    } catch (error) {
      studio.say(`nothing here to paste: ${error.message}`, "problem");
    }
  }

  // Puts copies in beside their originals, or where one looks if the originals are out of sight.
  paste(part, dx, dy) {
    const { studio, canvas } = this;
    if (!part.nodes.length) return;
    const { left, top, width, height } = canvas.svg.getBoundingClientRect();
    const [x, y] = middle(part.nodes);
    const [sx, sy] = canvas.toScreen(x, y);
    const inSight = sx > left && sx < left + width && sy > top && sy < top + height;
    const [mx, my] = canvas.toWorld(left + width / 2, top + height / 2);
    const made = insert(
      studio.diagram,
      part,
      inSight ? dx : Math.round((mx - x) / STEP) * STEP,
      inSight ? dy : Math.round((my - y) / STEP) * STEP,
    );
    studio.take(made);
    studio.select(made.names);
    canvas.focus(made.names[0]);
  }
}
