// Dialogs: examples and fragments, import, export, help.

import { FORMATS, readAny } from "../formats/any.js";
import { toDagitty } from "../formats/dagitty.js";
import { toPython } from "../formats/python.js";
import { toTikz } from "../formats/tikz.js";
import { toYaml } from "../formats/yaml.js";
import { toSvg } from "../picture/svg.js";
import { usedAgents } from "./diagram.js";
import { byId, download, h } from "./dom.js";
import { curvesOfLinks } from "./links.js";

export class Dialogs {
  constructor(studio, canvas, store, data, actions) {
    Object.assign(this, { studio, canvas, store, data, actions });
    this.format = "python";
    for (const dialog of document.querySelectorAll("dialog")) {
      dialog.querySelector(".close").addEventListener("click", () => dialog.close());
      dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    }
    this.examples();
    this.exporting();
    this.importing();
  }

  examples() {
    const { data, actions } = this;
    const item = (title, words, run) =>
      h(
        "li",
        { "data-words": `${title} ${words}`.toLowerCase() },
        h(
          "button",
          {
            type: "button",
            onclick: () => {
              byId("examples").close();
              run();
            },
          },
          h("b", {}, title),
          h("span", { class: "muted" }, words),
        ),
      );
    const list = data.fragments.map((part) =>
      item(part.title, part.nodes.map((one) => one.name).join(", "), () => actions.add(part, false)),
    );
    byId("fragment-list").replaceChildren(...list);
    byId("literature-list").replaceChildren(
      ...data.literature.map((one) =>
        item(one.name, `${one.title}. ${one.source}`, () => actions.open(one, false, `${one.name}: ${one.title}.`)),
      ),
    );
    byId("search").addEventListener("input", (event) => {
      const wanted = event.target.value.trim().toLowerCase();
      for (const entry of byId("examples").querySelectorAll("li")) entry.hidden = !entry.dataset.words.includes(wanted);
    });
  }

  openExamples() {
    byId("examples").showModal();
    byId("search").focus();
  }

  // Export ---------------------------------------------------------------------------------------------------------------

  exporting() {
    const choice = byId("export-format");
    choice.replaceChildren(...Object.entries(FORMATS).map(([name, { title }]) => h("option", { value: name }, title)));
    choice.addEventListener("change", () => this.fill(choice.value));
    byId("export-copy").addEventListener("click", async () => {
      const area = byId("export-text");
      try {
        await navigator.clipboard.writeText(area.value);
      } catch {
        area.select();
        document.execCommand("copy");
      }
      this.studio.say("copied.");
    });
    byId("export-save").addEventListener("click", () => {
      const { ending } = FORMATS[this.format];
      download(`diagram${ending}`, byId("export-text").value, this.format === "svg" ? "image/svg+xml" : "text/plain");
    });
  }

  openExport() {
    byId("export-format").value = this.format;
    this.fill(this.format);
    byId("export").showModal();
  }

  fill(format) {
    this.format = format;
    let text = "";
    let problem = "";
    try {
      text = this.text(format);
    } catch (error) {
      problem = error.message;
    }
    byId("export-text").value = text;
    byId("export-problem").textContent = problem;
    for (const id of ["export-copy", "export-save"]) byId(id).disabled = problem !== "";
  }

  text(format) {
    const { studio, canvas } = this;
    const { diagram } = studio;
    if (format === "python") return toPython(diagram);
    if (format === "yaml") return toYaml(diagram);
    if (format === "dagitty") return toDagitty(diagram);
    const before = studio.options.mesa;
    studio.options.mesa = false; // pictures are of the base diagram, which is what can be read back
    const nodes = canvas.shownNodes();
    const links = canvas.shownLinks();
    const marks = nodes.map((_, v) => studio.rings(v).filter(([, certain]) => certain));
    const places = canvas.places(nodes, marks);
    const curves = curvesOfLinks(links, places, canvas.fixed);
    const rings = new Map(nodes.map((one, v) => [one.name, marks[v].map(([criterion]) => criterion)]));
    studio.options.mesa = before;
    const look = { places, curves, rings, used: usedAgents(diagram) };
    return format === "tikz" ? toTikz(diagram, look) : toSvg(diagram, look);
  }

  // Import ---------------------------------------------------------------------------------------------------------------

  importing() {
    const area = byId("import-text");
    const put = async (adds) => {
      try {
        const { diagram, left, placed, format } = await readAny(area.value);
        byId("import").close();
        area.value = "";
        byId("import-problem").textContent = "";
        const more = left.length
          ? ` The file's ${left.join(", ")} ${left.length > 1 ? "are" : "is"} left out: the explorer holds the diagram alone.`
          : "";
        if (adds) this.actions.add(diagram, placed);
        else this.actions.open(diagram, placed, `read as ${FORMATS[format]?.title ?? "a link"}.${more}`);
      } catch (error) {
        byId("import-problem").textContent = error.message;
      }
    };
    byId("import-open").addEventListener("click", () => put(false));
    byId("import-add").addEventListener("click", () => put(true));
    byId("import-file").addEventListener("change", async (event) => {
      const [file] = event.target.files;
      if (file) area.value = await file.text();
      event.target.value = "";
    });
  }

  openImport(text = "") {
    byId("import-problem").textContent = "";
    if (text) byId("import-text").value = text;
    byId("import").showModal();
    byId("import-text").focus();
  }

  // A link to this very diagram, in the clipboard.
  async share() {
    const address = await this.store.address();
    try {
      await navigator.clipboard.writeText(address);
      this.studio.say("a link to this diagram is in the clipboard.");
    } catch {
      this.studio.say("the page's address is a link to this diagram: copy it from there.");
    }
  }

  openHelp() {
    byId("help").showModal();
  }
}
