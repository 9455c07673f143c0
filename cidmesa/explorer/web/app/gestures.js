// Mouse, pen and fingers on the picture: select, move, draw links, mark out, pan, zoom, rename in place.

import { addLink, addNode, nodeOf, rename } from "./diagram.js";
import { byId, h } from "./dom.js";

const SNAP = 10;
const NEAR = 5; // how close to another node's row or column a moved node is drawn into it
const SLOP = 4; // pixels that a click may wander

export class Gestures {
  constructor(studio, canvas) {
    this.studio = studio;
    this.canvas = canvas;
    this.pointers = new Map();
    this.now = null; // what is going on: {kind: "move" | "link" | "pan" | "mark" | "pinch", …}
    const { svg } = canvas;
    svg.addEventListener("pointerdown", (event) => this.down(event));
    svg.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
      svg.addEventListener(end, (event) => this.up(event));
    svg.addEventListener("dblclick", (event) => this.double(event));
    svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    svg.addEventListener("contextmenu", (event) => event.pointerType === "touch" && event.preventDefault());
  }

  down(event) {
    if (event.button > 1 || this.renaming) return;
    const { studio, canvas } = this;
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    canvas.svg.setPointerCapture(event.pointerId);
    if (this.pointers.size === 2) return this.startPinch();
    if (this.pointers.size > 2) return;
    const name = event.target.closest("[data-node]")?.dataset.node ?? null;
    const link = event.target.closest("[data-tail]")?.dataset ?? null;
    const start = { x: event.clientX, y: event.clientY, moved: false, name };
    if (event.button === 1 || this.space) this.now = { ...start, kind: "pan", name: null };
    else if (name && nodeOf(studio.diagram, name)) {
      const draws = event.target.closest(".handle") || studio.tool === "link" || event.altKey;
      if (studio.linking && studio.linking !== name) {
        this.finishLink(studio.linking, name);
        this.now = { ...start, kind: "none" };
      } else if (draws) this.now = { ...start, kind: "link" };
      else this.startMove(event, start, name);
    } else if (name) this.now = { ...start, kind: "none" };
    else if (link) {
      studio.select([], [link.tail, link.head]);
      this.now = { ...start, kind: "none" };
    } else this.now = { ...start, kind: event.shiftKey ? "mark" : "pan", clears: !event.shiftKey };
  }

  startMove(event, start, name) {
    const { studio } = this;
    const several = event.shiftKey || event.ctrlKey || event.metaKey;
    if (several) {
      const next = new Set(studio.selection);
      if (!next.delete(name)) next.add(name);
      studio.select(next);
    } else if (!studio.selection.has(name)) studio.select([name]);
    const names = studio.selection.has(name) ? [...studio.selection] : [name];
    const from = new Map(
      names.map((one) => [one, nodeOf(studio.diagram, one)]).map(([one, { x, y }]) => [one, [x, y]]),
    );
    this.now = { ...start, kind: "move", from, several };
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (before) this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const { now, canvas } = this;
    if (!now || !before) return;
    if (now.kind === "pinch") return this.pinch();
    if (!now.moved && Math.hypot(event.clientX - now.x, event.clientY - now.y) < SLOP) return;
    now.moved = true;
    canvas.svg.classList.toggle("dragging", now.kind === "move");
    if (now.kind === "pan") canvas.pan(event.clientX - before[0], event.clientY - before[1]);
    if (now.kind === "move") this.drag(event);
    if (now.kind === "link") this.stretch(event);
    if (now.kind === "mark") {
      const [x0, y0] = canvas.toWorld(now.x, now.y);
      const [x1, y1] = canvas.toWorld(event.clientX, event.clientY);
      canvas.marquee = { x0, y0, x1, y1 };
      canvas.soon();
    }
  }

  drag(event) {
    const { studio, canvas, now } = this;
    const { k } = canvas.camera;
    let [dx, dy] = [(event.clientX - now.x) / k, (event.clientY - now.y) / k];
    canvas.guides = [];
    if (studio.options.snap && !event.altKey) [dx, dy] = this.snapped(dx, dy);
    const nodes = studio.diagram.nodes.map((one) => {
      const place = now.from.get(one.name);
      return place ? { ...one, x: place[0] + dx, y: place[1] + dy } : one;
    });
    studio.take({ diagram: { ...studio.diagram, nodes } }, "drag");
    canvas.soon();
  }

  // Draws the node under the pointer to the grid, or to the row or column of a node nearby, with a guide.
  snapped(dx, dy) {
    const { studio, canvas, now } = this;
    const [x, y] = now.from.get(now.name) ?? now.from.values().next().value;
    const others = studio.diagram.nodes.filter((one) => !now.from.has(one.name));
    const near = (value, key) =>
      others
        .filter((one) => Math.abs(one[key] - value) < NEAR)
        .sort((a, b) => Math.abs(a[key] - value) - Math.abs(b[key] - value))[0];
    const column = near(x + dx, "x");
    const row = near(y + dy, "y");
    const to = [
      column ? column.x : Math.round((x + dx) / SNAP) * SNAP,
      row ? row.y : Math.round((y + dy) / SNAP) * SNAP,
    ];
    if (column)
      canvas.guides.push([column.x, Math.min(column.y, to[1]) - 40, column.x, Math.max(column.y, to[1]) + 40]);
    if (row) canvas.guides.push([Math.min(row.x, to[0]) - 60, row.y, Math.max(row.x, to[0]) + 60, row.y]);
    return [to[0] - x, to[1] - y];
  }

  stretch(event) {
    const { studio, canvas, now } = this;
    const [x, y] = canvas.toWorld(event.clientX, event.clientY);
    const head = canvas.nodeAt(event.clientX, event.clientY);
    const known = head && head !== now.name && nodeOf(studio.diagram, head);
    const problem = known ? addLink(studio.diagram, now.name, head).problem : "";
    canvas.rubber = { tail: now.name, x, y, head: known ? head : null, problem };
    canvas.soon();
  }

  finishLink(tail, head) {
    const { studio } = this;
    studio.linking = null;
    if (studio.diagram.links.some(([a, b]) => a === tail && b === head))
      studio.say(`${tail} → ${head} is there already.`);
    else if (studio.take(addLink(studio.diagram, tail, head))) studio.say(`${tail} → ${head} added.`);
    this.canvas.soon();
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    const { now, studio, canvas } = this;
    if (now?.kind === "pinch" && this.pointers.size) {
      const [[x, y]] = this.pointers.values();
      this.now = { kind: "pan", x, y, moved: true };
      return;
    }
    this.now = null;
    canvas.guides = [];
    studio.history.settle();
    canvas.svg.classList.remove("dragging");
    if (now?.moved) studio.tell("settled");
    if (!now) return;
    if (now.kind === "link") {
      const { rubber } = canvas;
      canvas.rubber = null;
      if (rubber?.head) this.finishLink(rubber.tail, rubber.head);
      else if (rubber && event.type === "pointerup" && now.moved) this.linkToNew(rubber);
      else if (!now.moved) this.beginLink(now.name);
    }
    if (now.kind === "pan" && !now.moved && now.clears) {
      studio.linking = null;
      studio.select([]);
    }
    if (now.kind === "move" && !now.moved && !now.several) studio.select([now.name]);
    if (now.kind === "mark" && canvas.marquee) {
      const { x0, y0, x1, y1 } = canvas.marquee;
      canvas.marquee = null;
      const within = (value, a, b) => value >= Math.min(a, b) && value <= Math.max(a, b);
      studio.select(
        studio.diagram.nodes.filter((one) => within(one.x, x0, x1) && within(one.y, y0, y1)).map((one) => one.name),
      );
    }
    canvas.soon();
  }

  // From now on the next node that is chosen becomes a child of `name`.
  beginLink(name) {
    const { studio } = this;
    if (nodeOf(studio.diagram, name).kind === "utility")
      return studio.say(`a utility has no children: \`${name}\` cannot have any.`, "problem");
    studio.linking = name;
    studio.select([name]);
    studio.say(`link from ${name}: choose its child, or press Escape.`);
    return undefined;
  }

  // A link that ends on nothing makes a new chance node there.
  linkToNew({ tail, x, y }) {
    const { studio } = this;
    if (nodeOf(studio.diagram, tail).kind === "utility")
      return studio.say(`a utility has no children: \`${tail}\` cannot have any.`, "problem");
    const made = addNode(studio.diagram, "chance", Math.round(x / SNAP) * SNAP, Math.round(y / SNAP) * SNAP);
    studio.take(addLink(made.diagram, tail, made.name));
    studio.select([made.name]);
    return this.rename(made.name);
  }

  startPinch() {
    const [[ax, ay], [bx, by]] = this.pointers.values();
    this.studio.history.settle();
    this.canvas.svg.classList.remove("dragging");
    this.canvas.rubber = null;
    this.now = { kind: "pinch", distance: Math.hypot(ax - bx, ay - by), middle: [(ax + bx) / 2, (ay + by) / 2] };
  }

  pinch() {
    const [[ax, ay], [bx, by]] = this.pointers.values();
    const distance = Math.hypot(ax - bx, ay - by);
    const middle = [(ax + bx) / 2, (ay + by) / 2];
    this.canvas.pan(middle[0] - this.now.middle[0], middle[1] - this.now.middle[1]);
    this.canvas.zoom(distance / (this.now.distance || 1), ...middle);
    Object.assign(this.now, { distance, middle });
  }

  wheel(event) {
    event.preventDefault();
    const { canvas } = this;
    const unit = event.deltaMode === 1 ? 16 : 1;
    if (event.ctrlKey || event.metaKey)
      canvas.zoom(Math.exp(-event.deltaY * unit * 0.0045), event.clientX, event.clientY);
    else if (event.shiftKey && !event.deltaX) canvas.pan(-event.deltaY * unit, 0);
    else canvas.pan(-event.deltaX * unit, -event.deltaY * unit);
  }

  double(event) {
    const hit = document.elementFromPoint(event.clientX, event.clientY); // the event's own target is who held the pointer
    const name = hit?.closest("[data-node]")?.dataset.node;
    if (name) return this.rename(name);
    if (hit?.closest("[data-tail]")) return undefined;
    const [x, y] = this.canvas.toWorld(event.clientX, event.clientY);
    return this.add("chance", Math.round(x / SNAP) * SNAP, Math.round(y / SNAP) * SNAP);
  }

  // Puts a new node, by default where there is room near the middle of what is seen, and asks for its name.
  add(kind, x = null, y = null) {
    const { studio, canvas } = this;
    const [px, py] = x === null ? this.freePlace() : [x, y];
    const last = studio.diagram.nodes.find((one) => studio.selection.has(one.name) && one.kind !== "chance");
    const made = addNode(studio.diagram, kind, px, py, last?.agent ?? 0);
    studio.take({ diagram: made.diagram });
    studio.select([made.name]);
    canvas.paint();
    canvas.reveal(made.name);
    this.rename(made.name);
  }

  freePlace() {
    const { left, top, width, height } = this.canvas.svg.getBoundingClientRect();
    const [mx, my] = this.canvas
      .toWorld(left + width / 2, top + height / 2)
      .map((value) => Math.round(value / SNAP) * SNAP);
    const { nodes } = this.studio.diagram;
    const free = (x, y) => nodes.every((one) => Math.abs(one.x - x) > 110 || Math.abs(one.y - y) > 56);
    for (let ring = 0; ring < 12; ring++) {
      for (let i = -ring; i <= ring; i++) {
        for (const [x, y] of [
          [i, ring],
          [i, -ring],
          [ring, i],
          [-ring, i],
        ]) {
          if (free(mx + x * 120, my + y * 70)) return [mx + x * 120, my + y * 70];
        }
      }
    }
    return [mx, my];
  }

  // Edits a name in its place: Enter takes it, Escape leaves it.
  rename(name) {
    const { studio, canvas } = this;
    if (!nodeOf(studio.diagram, name)) return;
    canvas.paint();
    const { box } = canvas.drawn.places.get(name);
    const [x, y] = canvas.toScreen(box.x, box.y);
    const stage = byId("stage").getBoundingClientRect();
    const { k } = canvas.camera;
    const input = h("input", {
      class: "rename",
      type: "text",
      value: name,
      "aria-label": `Name of ${name}`,
      spellcheck: "false",
      autocomplete: "off",
    });
    const grow = () =>
      (input.style.width = `${Math.max(box.width * k, input.value.length * 8.6 * Math.max(k, 0.8) + 30)}px`);
    Object.assign(input.style, {
      left: `${x - stage.left}px`,
      top: `${y - stage.top}px`,
      fontSize: `${Math.max(13, 14 * k)}px`,
    });
    let over = false;
    const finish = (take) => {
      if (over) return;
      over = true;
      const wanted = input.value.trim();
      const old = name;
      const taken = take && studio.take(rename(studio.diagram, name, input.value));
      input.remove();
      this.renaming = false;
      if (taken && wanted) studio.select([wanted]);
      canvas.focus(taken && wanted ? wanted : old);
    };
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" || event.key === "Tab") {
        event.preventDefault();
        finish(true);
      } else if (event.key === "Escape") finish(false);
    });
    input.addEventListener("input", grow);
    input.addEventListener("blur", () => finish(true));
    byId("stage").append(input);
    grow();
    this.renaming = true;
    input.focus({ preventScroll: true });
    input.select();
  }
}
