// A tree of answers, drawn from the data that src/report/html/tree.c wrote.  What a model wrote
// reaches the page through textContent alone.  safeconfTree(data, texts) gives an element.
const safeconfTree = (function () {
  "use strict";
  const LEAST = 19, TWO_LINES = 33, ROW = 37, TALL = 460; // pixels: a branch that is shown, text above figures, a leaf, all
  // as in src/base/text.c, and the last two of every plane
  const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f-\u1160\u17b4-\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufdd0-\ufdef\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufffe-\uffff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|[\u{1fffe}\u{1ffff}\u{2fffe}\u{2ffff}\u{3fffe}\u{3ffff}\u{4fffe}\u{4ffff}\u{5fffe}\u{5ffff}\u{6fffe}\u{6ffff}\u{7fffe}\u{7ffff}\u{8fffe}\u{8ffff}\u{9fffe}\u{9ffff}\u{afffe}\u{affff}\u{bfffe}\u{bffff}\u{cfffe}\u{cffff}\u{dfffe}\u{dffff}\u{efffe}\u{effff}\u{ffffe}\u{fffff}\u{10fffe}\u{10ffff}]/gu;

  // Characters that hide or reorder text, shown as what they are.
  function visible(text) {
    return String(text).replace(hidden, (c) => {
      const code = c.codePointAt(0), hex = code.toString(16).toUpperCase();
      return code < 0x100 ? "\\x" + hex.padStart(2, "0") : "\\u{" + hex.padStart(4, "0") + "}";
    });
  }

  function element(tag, className, text) {
    const e = document.createElement(tag);
    if (className) e.className = className;
    if (text !== undefined) e.textContent = visible(text);
    return e;
  }

  // A share in percent; what is neither none nor all does not look so.
  function percent(x) {
    const p = 100 * x;
    const digits = p > 0 && p < 0.1 ? p.toPrecision(1) : p < 100 && p > 99.9 ? "over 99.9" : p === 0 || p === 100 ? String(p) : p < 10 || p > 90 ? p.toFixed(1).replace(/\.0$/, "") : p.toFixed(0);
    return digits + "\u00a0%";
  }

  function read(data, texts) {
    const nodes = data.nodes.map((row, i) => {
      const where = row[7];
      const text = Array.isArray(where) ? (texts[where[0]] || "").slice(where[1], where[2]) : where;
      return { i: i, parent: row[0], depth: row[1], mass: row[2], refused: row[3], complied: row[4], below: row[5], probability: row[6], text: text, ended: row[8], kids: [] };
    });
    for (const node of nodes) if (node.parent >= 0) nodes[node.parent].kids.push(node);
    for (const node of nodes) node.kids.sort((a, b) => (a.below > 0) - (b.below > 0) || b.mass - a.mass);
    return nodes;
  }

  const known = (node) => node.refused + node.complied;
  const rate = (node) => (node.refused === 0 ? "all comply" : node.complied === 0 ? "all refuse" : "refuses " + percent(node.refused / known(node)));
  // Of a node whose answers are not all known the figures are of those that are.
  const isWhole = (node) => known(node) >= 0.995 * node.mass;
  const refuses = (node) => (known(node) <= 0 ? "no verdict" : (isWhole(node) ? "" : percent(known(node) / node.mass) + " known: ") + rate(node));
  const quoted = (node) => "\u00ab" + (node.text || "") + "\u00bb";
  const leaves = (node) => (node.kids.length ? node.kids.reduce((sum, kid) => sum + leaves(kid), 0) : 1);

  // Small branches of a node as one.
  function together(kids) {
    const sum = (key) => kids.reduce((total, kid) => total + kid[key], 0);
    return { i: -1, parent: kids[0].parent, depth: 0, mass: sum("mass"), refused: sum("refused"), complied: sum("complied"), below: kids.reduce((n, kid) => n + (kid.below || 1), 0), kids: [], parts: kids, text: null };
  }

  function cellOf(node, share, isRoot) {
    const cell = element("div", "cell" + (known(node) > 0 ? "" : " unknown") + (node.refused > node.complied ? " refuses" : ""));
    const said = element("span", "said", isRoot ? (node.depth ? node.text : "all answers") : node.below ? node.below + " more" : node.text || (node.ended ? "(ends here)" : node.kids.length || known(node) ? "(nothing visible)" : "(not explored)"));
    said.dir = "auto";
    cell.append(said, element("span", "figures", (isRoot && !node.depth ? "" : share(node) + " \u00b7 ") + refuses(node)));
    if (known(node) > 0) cell.style.setProperty("--share", (100 * node.refused / known(node)).toFixed(1) + "%");
    return cell;
  }

  return Object.assign(function (data, texts) {
    const nodes = read(data, texts), all = nodes[0];
    const box = element("div", "tree"), field = element("div", "branches"), detail = element("div", "tree-detail");
    const shown = new Map(); // element: its node
    const share = (node) => (data.exact ? percent(node.mass / all.mass) : node.mass + " of " + all.mass);
    let root = all;

    function branch(node, height) {
      const item = element("div", "branch");
      item.setAttribute("role", "treeitem");
      item.setAttribute("aria-label", visible((node === all ? "all answers" : node.below ? node.below + " more branches" : quoted(node)) + ", " + share(node) + " answers, " + refuses(node)));
      item.tabIndex = -1;
      shown.set(item, node);
      const cell = cellOf(node, share, node === root);
      cell.style.minHeight = Math.max(height, LEAST).toFixed(1) + "px";
      if (height < TWO_LINES) cell.classList.add("low");
      item.append(cell);
      const kids = node.kids.slice(), small = [];
      while (kids.length && height * kids[kids.length - 1].mass / node.mass < LEAST) small.unshift(kids.pop());
      if (small.length === 1 && !small[0].below) kids.push(small.pop());
      if (small.length) kids.push(together(small));
      if (kids.length) {
        const group = element("div", "kids");
        group.setAttribute("role", "group");
        for (const kid of kids) group.append(branch(kid, height * kid.mass / node.mass));
        item.setAttribute("aria-expanded", "true");
        item.append(group);
      } else {
        cell.classList.add("last");
      }
      return item;
    }

    function draw() {
      shown.clear();
      field.replaceChildren(branch(root, Math.max(3 * ROW, Math.min(TALL, ROW * leaves(root)))));
      field.firstChild.tabIndex = 0;
    }

    function before(node) {
      let text = "";
      for (let at = node.parent; at >= 0; at = nodes[at].parent) text = (nodes[at].text || "") + text;
      return text;
    }

    function figures(node) {
      const words = [data.exact ? percent(node.mass / all.mass) + " of answers" : node.mass + " of " + all.mass + " traces (" + percent(node.mass / all.mass) + ")"];
      if (!data.exact && node.probability !== null && node.probability !== undefined && node !== all) words.push("probability " + percent(node.probability));
      words.push(refuses(node));
      if (node.below) return words.join(" \u00b7 ");
      words.push(node.depth + (node.depth === 1 ? " token" : " tokens"));
      if (node.ended) words.push("ends here");
      return words.join(" \u00b7 ");
    }

    function following(kids) {
      const list = element("ul", "follows");
      for (const kid of kids.slice(0, 30)) {
        const item = element("li");
        const said = element("q", "", kid.below ? kid.below + " smaller ones" : kid.text || "(ends)");
        said.dir = "auto";
        item.append(said, " " + share(kid) + ", " + refuses(kid));
        list.append(item);
      }
      if (kids.length > 30) list.append(element("li", "", kids.length - 30 + " more"));
      return list;
    }

    function button(words, then) {
      const b = element("button", "", words);
      b.type = "button";
      b.addEventListener("click", () => { root = then; draw(); select(field.firstChild, true); });
      return b;
    }

    function select(item, focus) {
      for (const e of field.querySelectorAll('[aria-selected="true"]')) { e.removeAttribute("aria-selected"); e.tabIndex = -1; }
      field.firstChild.tabIndex = -1;
      item.setAttribute("aria-selected", "true");
      item.tabIndex = 0;
      if (focus) item.focus();
      const node = shown.get(item), text = element("p", "text");
      text.dir = "auto";
      text.append(element("span", "soft", before(node)), element("b", "", node.text || (node === all ? "(all answers)" : node.below ? " \u2026 " + node.below + " branches" : "")));
      detail.replaceChildren(text, element("p", "facts-line", figures(node)));
      const kids = node.parts || node.kids;
      if (kids.length) detail.append(element("p", "facts-line", node.parts ? "Together:" : "Goes on:"), following(kids));
      if (node !== root && node.kids.length) detail.append(button("Show this branch alone", node));
      if (root !== all) detail.append(button("Show the whole tree", all));
    }

    field.addEventListener("click", (event) => {
      const item = event.target.closest(".branch");
      if (item) select(item, true);
    });
    field.addEventListener("keydown", (event) => {
      const item = event.target.closest(".branch");
      if (!item) return;
      const column = [...item.parentElement.children], place = column.indexOf(item);
      const next = { ArrowRight: item.querySelector(".branch"), ArrowLeft: item.parentElement.closest(".branch"), ArrowDown: column[place + 1], ArrowUp: column[place - 1], Home: field.firstChild }[event.key];
      if (next === undefined && !["Enter", " ", "ArrowDown", "ArrowUp"].includes(event.key)) return;
      event.preventDefault();
      const to = next || (["Enter", " "].includes(event.key) ? item : null);
      if (!to || !to.classList.contains("branch")) return;
      select(to, true);
      to.firstChild.scrollIntoView({ block: "nearest", inline: "nearest" });
    });

    field.setAttribute("role", "tree");
    field.setAttribute("aria-label", "Tree of answers: arrow keys walk it");
    detail.setAttribute("aria-live", "polite");
    box.append(element("p", "hint", "Branches are as high as the share of answers that begin so. Blue and hatched: refused; gold: complied with. Choose a branch, or walk with the arrow keys, to read it."));
    const sure = data.exact || all.mass >= 20;
    if (sure && data.left && data.left.length) box.append(element("p", "facts-line", "Left undecided: " + data.left.map((l) => percent(l[1]) + " after " + l[0]).join(", ") + (data.left[data.left.length - 1][0] === 1 ? " token" : " tokens")));
    for (const fork of (data.forks || []).slice(0, 3)) {
      const node = nodes[fork[0]], other = nodes[fork[1]];
      const line = element("p", "facts-line", (before(node) ? "After \u00ab" + before(node).slice(-60) + "\u00bb: " : "At the beginning: ") + quoted(node).slice(0, 60) + " refuses " + percent(fork[2]) + ", otherwise" + (other ? " (mostly " + quoted(other).slice(0, 60) + ")" : "") + " " + percent(fork[3]));
      line.dir = "auto";
      box.append(line);
    }
    draw();
    box.append(field, detail);
    return box;
  }, { visible: visible, element: element });
})();
