// The picture on the screen: nodes and links as SVG, kept in step with the studio, and the camera over them.

import { linksOf } from "../engine/mesa.js";
import { bodySize, grown, inside } from "../picture/geometry.js";
import { route } from "../picture/route.js";
import { number, outline } from "../picture/svg.js";
import { theme } from "../picture/theme.js";
import { curvesOf } from "./arrange.js";
import { usedAgents } from "./diagram.js";
import { byId, put, s, setText } from "./dom.js";
import { curvesOfLinks, isSame } from "./links.js";
import { setCurve, shapesOf } from "./shapes.js";
import { spoken } from "./words.js";

const LARGE = 60; // nodes from which screen readers' names wait until the picture is painted
const FOOT = 92; // how far below the diagram the mesa utility stands

export class Canvas {
  constructor(studio) {
    this.studio = studio;
    this.svg = byId("canvas");
    this.world = s("g");
    this.layers = Object.fromEntries(
      ["links", "extra", "nodes", "front"].map((name) => [name, s("g", { class: name })]),
    );
    this.world.append(...Object.values(this.layers));
    this.svg.append(this.world);
    this.camera = { x: 0, y: 0, k: 1 };
    this.nodeElements = new Map();
    this.linkElements = new Map();
    this.fixed = null; // the layout's own curves, while nodes are where it put them
    this.rubber = null; // a link being drawn: {tail, x, y, head, problem}
    this.guides = [];
    this.marquee = null;
    this.frame = 0;
    this.order = "";
    this.whole = true; // whether more than places has changed since the last painting
    studio.listen((what) => {
      if (what === "say" || what === "settled") return;
      this.whole ||= what !== "places";
      this.soon();
    });
    new ResizeObserver(() => this.soon()).observe(this.svg);
  }

  // Paints once before the next frame, however often it is asked to.
  soon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  // What is drawn ------------------------------------------------------------------------------------------------------

  // The nodes as they are shown: of the base diagram, or of the mesa diagram with its utility.
  shownNodes() {
    const { diagram, mesa, mesaShown } = this.studio;
    if (!mesaShown) return diagram.nodes;
    const nodes = diagram.nodes.map((one) => (one.kind === "utility" ? { ...one, kind: "chance" } : one));
    const targets = mesa.targets.map((v) => diagram.nodes[v]);
    const x = targets.reduce((sum, one) => sum + one.x, 0) / targets.length;
    const y = Math.max(...diagram.nodes.map((one) => one.y)) + FOOT;
    const utility = { name: "mesa_utility", kind: "utility", agent: usedAgents(diagram)[0] ?? 0, latent: false, x, y };
    return [...nodes, utility];
  }

  // The links as they are shown: [tail, head, class].
  shownLinks() {
    const { diagram, report, mesa, mesaShown, options } = this.studio;
    const names = report.names;
    if (mesaShown) {
      const key = ([tail, head]) => `${tail}\0${head}`;
      const kept = new Set(
        linksOf(mesa.report.graph).map(([tail, head]) => `${mesa.report.names[tail]}\0${mesa.report.names[head]}`),
      );
      const base = diagram.links.map((link) => [...link, kept.has(key(link)) ? "" : "dropped"]);
      return [...base, ...mesa.targets.map((v) => [names[v], "mesa_utility", "added"])];
    }
    const dropped = new Set(
      options.reduction ? report.dropped().map(([tail, head]) => `${names[tail]}\0${names[head]}`) : [],
    );
    return diagram.links.map(([tail, head]) => [tail, head, dropped.has(`${tail}\0${head}`) ? "dropped" : ""]);
  }

  // The box of each node with its rings.
  places(nodes, rings) {
    return new Map(
      nodes.map((one, v) => {
        const [width, height] = bodySize(one.name, one.kind);
        const around = 2 * theme.RING_GAP * rings[v].length;
        return [
          one.name,
          { kind: one.kind, box: { x: one.x, y: one.y, width: width + around, height: height + around } },
        ];
      }),
    );
  }

  paint() {
    const { studio } = this;
    if (this.whole || !this.drawn) this.paintAll();
    else this.paintPlaces();
    this.whole = false;
    this.paintExtra(this.drawn.places);
    this.paintCamera();
    this.svg.classList.toggle("tool-link", studio.tool === "link" || studio.linking !== null);
    this.svg.classList.toggle("lit", studio.highlight !== null);
  }

  paintAll() {
    const nodes = this.shownNodes();
    const links = this.shownLinks();
    const rings = nodes.map((_, v) => this.studio.rings(v));
    const places = this.places(nodes, rings);
    this.drawn = { nodes, links, rings, places, curves: curvesOfLinks(links, places, this.fixed) };
    this.paintNodes();
    this.paintLinks();
    clearTimeout(this.speaking);
    if (nodes.length < LARGE) this.speak();
    else this.speaking = setTimeout(() => this.speak(), 60); // the picture comes first
  }

  // Only places have changed: what did not move is left alone.
  paintPlaces() {
    const before = this.drawn;
    const nodes = this.shownNodes();
    const places = this.places(nodes, before.rings);
    const curves = curvesOfLinks(before.links, places, this.fixed, before);
    this.drawn = { ...before, nodes, places, curves };
    for (const one of nodes) {
      if (!isSame(places.get(one.name).box, before.places.get(one.name).box)) this.putPlace(one);
    }
    for (const [key, curve] of curves)
      if (curve !== before.curves.get(key)) setCurve(this.linkElements.get(key), curve);
  }

  putPlace(one) {
    put(this.nodeElements.get(one.name), "transform", `translate(${number(one.x)} ${number(one.y)})`);
  }

  paintCamera() {
    const { x, y, k } = this.camera;
    put(this.world, "transform", `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${k.toFixed(4)})`);
    const step = 20 * 4 ** Math.max(0, Math.ceil(Math.log(0.6 / k) / Math.log(4))); // never a thicket of dots
    put(this.svg, "style", `background-size: ${step * k}px ${step * k}px; background-position: ${x}px ${y}px`);
    setText(byId("zoom-level"), `${Math.round(k * 100)} %`);
  }

  paintNodes() {
    const { studio } = this;
    const { nodes } = this.drawn;
    const { highlight, diagram } = studio;
    const used = usedAgents(diagram);
    const seen = new Set();
    const targets = new Set(studio.mesa ? studio.mesa.targets.map((v) => studio.report.names[v]) : []);
    for (const [v, one] of nodes.entries()) {
      seen.add(one.name);
      let element = this.nodeElements.get(one.name);
      if (!element) {
        element = s("g", { "data-node": one.name, tabindex: "0", role: "button" });
        this.nodeElements.set(one.name, element);
        this.order = "";
      }
      const owner = one.kind === "chance" ? 0 : used.indexOf(one.agent) + 1;
      const rings = this.drawn.rings[v];
      const target = targets.has(one.name);
      const sketch = shapesOf(one, owner, rings, target, used.length > 1);
      if (element.sketch !== sketch) {
        element.sketch = sketch;
        element.innerHTML = sketch;
      }
      this.putPlace(one);
      const classes = ["node", one.kind];
      if (one.latent) classes.push("latent");
      if (studio.selection.has(one.name)) classes.push("selected");
      if (studio.linking === one.name) classes.push("linking");
      if (this.rubber?.head === one.name) classes.push(this.rubber.problem ? "refused" : "accepted");
      if (highlight) {
        if (highlight.given?.has(one.name)) classes.push("given");
        classes.push(highlight.nodes.has(one.name) ? "on-path" : highlight.given?.has(one.name) ? "" : "off-path");
      }
      put(element, "class", classes.filter(Boolean).join(" "));
      put(element, "aria-pressed", String(studio.selection.has(one.name)));
      put(element, "aria-roledescription", `${one.kind} node`);
    }
    for (const [name, element] of this.nodeElements) {
      if (seen.has(name)) continue;
      element.remove();
      this.nodeElements.delete(name);
      this.order = "";
    }
    const order = this.inOrder();
    if (order.join("\0") !== this.order) {
      this.order = order.join("\0");
      const active = document.activeElement;
      this.layers.nodes.append(...order.map((name) => this.nodeElements.get(name)));
      if (active?.dataset?.node && active.isConnected) active.focus({ preventScroll: true });
    }
  }

  // Gives every node the name that screen readers say.
  speak() {
    const { studio } = this;
    const { decisions, diagram } = studio;
    const targets = new Set(studio.mesa?.targets ?? []);
    for (const [name, element] of this.nodeElements) {
      const v = diagram.nodes.findIndex((one) => one.name === name);
      const one = diagram.nodes[v];
      const words = one
        ? spoken(one, studio.report, { owner: studio.ownerOf(one), target: targets.has(v), decisions })
        : "mesa_utility, utility: a child of all targets";
      put(element, "aria-label", words);
    }
  }

  // Names in the order of focus: parents before children, as they were drawn.
  inOrder() {
    const { report } = this.studio;
    const order = (report.graph.topological() ?? []).map((v) => report.names[v]);
    return this.studio.mesaShown ? [...order, "mesa_utility"] : order;
  }

  paintLinks() {
    const { studio } = this;
    const { links } = this.drawn;
    const { highlight } = studio;
    const seen = new Set();
    const kinds = new Map(this.drawn.nodes.map((one) => [one.name, one.kind]));
    for (const [tail, head, mark] of links) {
      const key = `${tail}\0${head}`;
      seen.add(key);
      let element = this.linkElements.get(key);
      if (!element) {
        element = s(
          "g",
          { "data-tail": tail, "data-head": head },
          s("path", { class: "hit" }),
          s("path", { class: "line" }),
          s("polygon", { class: "tip" }),
        );
        this.linkElements.set(key, element);
        this.layers.links.append(element);
      }
      setCurve(element, this.drawn.curves.get(key));
      const classes = ["link", mark, kinds.get(head) === "decision" ? "information" : ""];
      if (studio.link && studio.link[0] === tail && studio.link[1] === head) classes.push("selected");
      if (highlight) {
        if (highlight.removed?.has(key)) classes.push("dropped");
        classes.push(highlight.links.has(key) ? `on-path ${highlight.criterion}` : "off-path");
      }
      put(element, "class", classes.filter(Boolean).join(" "));
    }
    for (const [key, element] of this.linkElements) {
      if (seen.has(key)) continue;
      element.remove();
      this.linkElements.delete(key);
    }
  }

  // What is drawn for a moment: links that a proof adds, a link being drawn, guides, a marquee.
  paintExtra(places) {
    const { highlight, linking } = this.studio;
    const extra = [];
    for (const key of highlight?.added ?? []) {
      const [tail, head] = key.split("\0");
      if (!places.has(tail) || !places.has(head) || this.linkElements.has(key)) continue;
      const element = s(
        "g",
        { class: `link information added ${highlight.links.has(key) ? "on-path" : ""}` },
        s("path", { class: "line" }),
        s("polygon", { class: "tip" }),
      );
      setCurve(element, route(tail, head, places));
      extra.push(element);
    }
    if (this.rubber) {
      const { box, kind } = places.get(this.rubber.tail);
      const end = { kind: "chance", box: { x: this.rubber.x, y: this.rubber.y, width: 1, height: 1 } };
      if (!inside(kind, box, [this.rubber.x, this.rubber.y])) {
        const element = s("g", { class: "link rubber" }, s("path", { class: "line" }), s("polygon", { class: "tip" }));
        setCurve(
          element,
          route(
            "tail",
            "head",
            new Map([
              ["tail", { kind, box }],
              ["head", end],
            ]),
          ),
        );
        extra.push(element);
      }
    } else if (linking && places.has(linking)) {
      const { box, kind } = places.get(linking);
      const template = document.createElement("template");
      template.innerHTML = `<svg>${outline(kind, grown(box, 7), 'class="waiting"')}</svg>`;
      extra.push(template.content.firstChild.firstChild);
    }
    for (const [x1, y1, x2, y2] of this.guides) extra.push(s("line", { class: "guide", x1, y1, x2, y2 }));
    this.layers.extra.replaceChildren(...extra);
    const front = [];
    if (this.marquee) {
      const { x0, y0, x1, y1 } = this.marquee;
      front.push(
        s("rect", {
          class: "marquee",
          x: Math.min(x0, x1),
          y: Math.min(y0, y1),
          width: Math.abs(x1 - x0),
          height: Math.abs(y1 - y0),
        }),
      );
    }
    this.layers.front.replaceChildren(...front);
  }

  // The camera ----------------------------------------------------------------------------------------------------------

  toWorld(clientX, clientY) {
    const { left, top } = this.svg.getBoundingClientRect();
    const { x, y, k } = this.camera;
    return [(clientX - left - x) / k, (clientY - top - y) / k];
  }

  toScreen(wx, wy) {
    const { left, top } = this.svg.getBoundingClientRect();
    const { x, y, k } = this.camera;
    return [left + x + wx * k, top + y + wy * k];
  }

  pan(dx, dy) {
    this.camera = { ...this.camera, x: this.camera.x + dx, y: this.camera.y + dy };
    this.soon();
  }

  // Zooms about a point of the screen, by default the middle of the canvas.
  zoom(factor, clientX = null, clientY = null) {
    const { left, top, width, height } = this.svg.getBoundingClientRect();
    const [px, py] = [clientX === null ? width / 2 : clientX - left, clientY === null ? height / 2 : clientY - top];
    const { x, y, k } = this.camera;
    const to = Math.min(3, Math.max(0.12, k * factor));
    this.camera = { k: to, x: px - ((px - x) * to) / k, y: py - ((py - y) * to) / k };
    this.soon();
  }

  // Shows the whole diagram.
  fit() {
    const nodes = this.shownNodes();
    const { width, height } = this.svg.getBoundingClientRect();
    if (!nodes.length || !width) {
      this.camera = { x: width / 2, y: height / 2, k: 1 };
      return this.soon();
    }
    const boxes = [
      ...this.places(
        nodes,
        nodes.map((_, v) => this.studio.rings(v)),
      ).values(),
    ].map(({ box }) => box);
    const left = Math.min(...boxes.map((box) => box.x - box.width / 2));
    const right = Math.max(...boxes.map((box) => box.x + box.width / 2));
    const top = Math.min(...boxes.map((box) => box.y - box.height / 2));
    const bottom = Math.max(...boxes.map((box) => box.y + box.height / 2));
    const look = getComputedStyle(this.svg);
    const margin = (name) => parseFloat(look.getPropertyValue(name)) || 40;
    const [above, below, side] = ["--above", "--below", "--side"].map(margin);
    const across = (width - 2 * side) / (right - left);
    const k = Math.min(1.35, Math.max(0.12, Math.min(across, (height - above - below) / (bottom - top))));
    this.camera = {
      k,
      x: width / 2 - ((left + right) / 2) * k,
      y: (height + above - below) / 2 - ((top + bottom) / 2) * k,
    };
    this.soon();
  }

  // Takes the layout's curves for a diagram that stands where the layout would put it.
  settle() {
    this.fixed = curvesOf(this.studio.diagram);
    this.soon();
  }

  // The name of the node at a point of the screen, or null.
  nodeAt(clientX, clientY) {
    return (
      document
        .elementsFromPoint(clientX, clientY)
        .map((element) => element.closest?.("[data-node]"))
        .find(Boolean)?.dataset.node ?? null
    );
  }

  focus(name) {
    this.paint();
    this.nodeElements.get(name)?.focus({ preventScroll: true });
    this.reveal(name);
  }

  // Moves the camera, if need be, so that a node is in sight.
  reveal(name) {
    const place = this.drawn?.places.get(name);
    if (!place) return;
    const { left, top, right, bottom } = this.svg.getBoundingClientRect();
    const [x, y] = this.toScreen(place.box.x, place.box.y);
    const [mx, my] = [Math.min(70, (right - left) / 4), Math.min(50, (bottom - top) / 4)];
    const dx = x < left + mx ? left + mx - x : x > right - mx ? right - mx - x : 0;
    const dy = y < top + my ? top + my - y : y > bottom - my ? bottom - my - y : 0;
    if (dx || dy) this.pan(dx, dy);
  }
}
