// Undo and redo over values that never change.

const MOST = 300;

export class History {
  constructor(first) {
    this.past = [];
    this.now = first;
    this.future = [];
    this.label = "";
  }

  // Goes on to `next`. Steps with the same non-empty label, one after the other, are one step to undo.
  push(next, label = "") {
    if (next === this.now) return;
    if (!label || label !== this.label) this.past.push(this.now);
    if (this.past.length > MOST) this.past.shift();
    this.now = next;
    this.future = [];
    this.label = label;
  }

  // Ends a run of steps that count as one.
  settle() {
    this.label = "";
  }

  undo() {
    if (!this.past.length) return false;
    this.future.push(this.now);
    this.now = this.past.pop();
    this.label = "";
    return true;
  }

  redo() {
    if (!this.future.length) return false;
    this.past.push(this.now);
    this.now = this.future.pop();
    this.label = "";
    return true;
  }
}
