// The entry: puts everything together and starts with what is linked, else kept, else given.

import { arranged, middle } from "./arrange.js";
import { Canvas } from "./canvas.js";
import { Dialogs } from "./dialogs.js";
import { EMPTY, insert, nodeOf, tidied } from "./diagram.js";
import { byId, put, setText } from "./dom.js";
import { Gestures } from "./gestures.js";
import { Keys } from "./keys.js";
import { Panel } from "./panel.js";
import { Store, kept, linked } from "./store.js";
import { Studio } from "./studio.js";
import { RINGED } from "./words.js";

const data = globalThis.CIDMESA;

export async function start() {
  const before = kept();
  const given = tidied(data.start ?? data.fragments.find((one) => one.title === "Red door"));
  const studio = new Studio(arranged(given, false).diagram);
  if (before) {
    Object.assign(studio.options, before.options.sound);
    Object.assign(studio.options.shown, before.options.shown);
  }
  const canvas = new Canvas(studio);
  const actions = actionsOf(studio, canvas);
  const gestures = new Gestures(studio, canvas);
  const store = new Store(studio, canvas);
  const dialogs = new Dialogs(studio, canvas, store, data, actions);
  const panel = new Panel(studio, canvas, actions);
  Object.assign(actions, {
    importDialog: () => dialogs.openImport(),
    exportDialog: () => dialogs.openExport(),
    help: () => dialogs.openHelp(),
    beginLink: (name) => {
      gestures.beginLink(name);
      canvas.focus(name);
    },
    toggleMesa: () => {
      panel.open("mesa");
      studio.choose({ mesa: !studio.options.mesa });
    },
  });
  const keys = new Keys(studio, canvas, gestures, actions);
  actions.remove = () => keys.remove();
  bar(studio, canvas, gestures, dialogs, actions, panel);
  status(studio);
  dropping(studio, dialogs);
  if (before) studio.take({ diagram: before.diagram }); // what the page was written with is one undo away
  canvas.paint();
  canvas.settle();
  panel.render();
  canvas.fit();
  if (before?.view) canvas.camera = before.view;
  try {
    const shared = await linked();
    if (shared && JSON.stringify(shared) !== JSON.stringify(studio.diagram)) {
      studio.take({ diagram: shared }); // and what was kept, too
      canvas.settle();
      canvas.fit();
    }
  } catch (error) {
    studio.say(error.message, "problem");
  }
  addEventListener("hashchange", async () => {
    if (location.hash.slice(1) === store.link) return;
    try {
      const shared = await linked();
      if (shared) actions.open(shared, true, "the diagram of the link.");
    } catch (error) {
      studio.say(error.message, "problem");
    }
  });
  store.watch();
  canvas.paint();
  document.documentElement.dataset.ready = "yes";
  return { studio, canvas, dialogs, store };
}

function actionsOf(studio, canvas) {
  return {
    // Opens a diagram in place of the one there, which is one undo away.
    open(diagram, placed, words = "") {
      const sound = tidied(diagram);
      studio.take({ diagram: placed ? sound : arranged(sound, false).diagram });
      studio.select([]);
      canvas.settle();
      canvas.fit();
      if (words) studio.say(words);
    },
    // Puts a diagram in beside the one there.
    add(diagram, placed) {
      const sound = tidied(diagram);
      const part = placed ? sound : arranged(sound, false).diagram;
      const empty = studio.diagram.nodes.length === 0;
      const [x, y] = middle(part.nodes);
      const below = empty ? 0 : Math.max(...studio.diagram.nodes.map((one) => one.y)) + 90;
      const high = Math.min(...part.nodes.map((one) => one.y));
      const [cx] = middle(studio.diagram.nodes);
      const made = insert(studio.diagram, part, empty ? -x : Math.round(cx - x), empty ? -y : Math.round(below - high));
      studio.take(made);
      studio.select(made.names);
      canvas.focus(made.names[0]);
      canvas.fit();
      studio.say(`${made.names.length} nodes added.`);
    },
    layout() {
      studio.take({ diagram: arranged(studio.diagram).diagram });
      canvas.settle();
      canvas.fit();
      studio.say("laid out in layers.");
    },
    fresh() {
      studio.take({ diagram: EMPTY });
      canvas.fit();
      studio.say("an empty diagram; undo brings the last one back.");
    },
    // Makes nodes targets, or no targets if they all are; base utilities are the score, as a whole.
    toggleTargets(names) {
      const { diagram } = studio;
      const score = diagram.nodes.filter((one) => one.kind === "utility").map((one) => one.name);
      const whole = names.flatMap((name) =>
        score.includes(name) ? score : nodeOf(diagram, name)?.kind === "chance" ? [name] : [],
      );
      if (!whole.length) return studio.say("targets are chance nodes and the score.", "problem");
      const all = whole.every((name) => diagram.targets.includes(name));
      const targets = all
        ? diagram.targets.filter((name) => !whole.includes(name))
        : [...new Set([...diagram.targets, ...whole])];
      return studio.take({ diagram: { ...diagram, targets } });
    },
  };
}

function bar(studio, canvas, gestures, dialogs, actions, panel) {
  const on = (id, run) => byId(id).addEventListener("click", run);
  for (const kind of ["chance", "decision", "utility"]) on(`add-${kind}`, () => gestures.add(kind));
  on("tool-link", () => {
    studio.tool = studio.tool === "link" ? "select" : "link";
    studio.linking = null;
    studio.tell("options");
    studio.say(studio.tool === "link" ? "draw links from node to node; press again when done." : "select and move.");
  });
  on("undo", () => studio.undo());
  on("redo", () => studio.redo());
  on("layout", () => actions.layout());
  on("fit", () => canvas.fit());
  on("zoom-in", () => canvas.zoom(1.25));
  on("zoom-out", () => canvas.zoom(1 / 1.25));
  on("open-examples", () => dialogs.openExamples());
  on("open-import", () => dialogs.openImport());
  on("open-export", () => dialogs.openExport());
  on("share", () => dialogs.share());
  on("open-help", () => dialogs.openHelp());
  on("fresh", () => {
    byId("examples").close();
    actions.fresh();
  });
  on("fold", () => {
    const folded = document.body.classList.toggle("folded");
    put(byId("fold"), "aria-expanded", String(!folded));
  });
  for (const criterion of RINGED) {
    byId(`show-${criterion}`).addEventListener("change", (event) =>
      studio.choose({ shown: { ...studio.options.shown, [criterion]: event.target.checked } }),
    );
  }
  byId("show-reduction").addEventListener("change", (event) => studio.choose({ reduction: event.target.checked }));
  byId("snap").addEventListener("change", (event) => studio.choose({ snap: event.target.checked }));
  byId("decision").addEventListener("change", (event) => studio.choose({ decision: event.target.value }));
  const follow = () => {
    for (const criterion of RINGED) byId(`show-${criterion}`).checked = studio.options.shown[criterion];
    byId("show-reduction").checked = studio.options.reduction;
    byId("snap").checked = studio.options.snap;
    byId("undo").disabled = !studio.history.past.length;
    byId("redo").disabled = !studio.history.future.length;
    put(byId("tool-link"), "aria-pressed", String(studio.tool === "link"));
    byId("empty").hidden = studio.diagram.nodes.length > 0;
  };
  studio.listen((what) => what !== "say" && what !== "highlight" && follow());
  follow();
  if (studio.diagram.targets.length) panel.open(panel.tab);
}

function status(studio) {
  const box = byId("status");
  let timer = 0;
  const rest = () => {
    const { diagram, report, took } = studio;
    const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
    const words = `${count(diagram.nodes.length, "node")}, ${count(diagram.links.length, "link")}, ${count(report.decisions.length, "decision")} · analysed in ${took < 0.1 ? "under 0.1" : took.toFixed(1)} ms`;
    setText(byId("numbers"), words);
  };
  studio.listen((what, more) => {
    if (what === "diagram" || what === "places") rest();
    if (what !== "say") return;
    clearTimeout(timer);
    box.textContent = more.words;
    box.className = more.tone;
    timer = setTimeout(
      () => {
        box.textContent = "";
        box.className = "";
      },
      more.tone === "problem" ? 9000 : 5000,
    );
  });
  rest();
}

// A file dropped on the page is offered for reading.
function dropping(studio, dialogs) {
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer?.files ?? [];
    if (file) dialogs.openImport(await file.text());
  });
}

globalThis.explorer = start();
