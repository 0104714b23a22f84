"use strict";
// Search over window.catalogueIndex (kind, name, belongs to, place, meaning), and what is connected in pictures.
(() => {
  const root = document.body.dataset.root || "";
  const input = document.getElementById("search");
  const list = document.getElementById("found");
  const most = 30;
  const entries = (window.catalogueIndex || []).map(([kind, name, of, place, text]) => ({
    kind, name, of, place, text,
    key: name.toLowerCase(),
    full: `${of}.${name}`.toLowerCase(),
    all: `${name} ${of} ${kind} ${text}`.toLowerCase(),
  }));
  let shown = [];
  let at = -1;

  function score(entry, words, whole) {
    let sum = entry.key === whole || entry.full === whole ? 100 : 0;
    for (const word of words) {
      if (entry.key === word) sum += 60;
      else if (entry.key.startsWith(word) || entry.key.includes(`.${word}`)) sum += 40;
      else if (entry.key.includes(`_${word}`)) sum += 30;
      else if (entry.key.includes(word)) sum += 20;
      else if (entry.full.includes(word)) sum += 10;
      else if (entry.all.includes(word)) sum += 3;
      else return 0;
    }
    // Of names that fit as well, tables come first, then reports.
    return sum * 10 + { table: 120, report: 60, column: 0, rule: -10 }[entry.kind];
  }

  function find(query) {
    const whole = query.trim().toLowerCase();
    const words = whole.split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    return entries
      .map((entry) => [score(entry, words, whole), entry])
      .filter(([points]) => points > 0)
      .sort((a, b) => b[0] - a[0] || a[1].full.localeCompare(b[1].full));
  }

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  function close() {
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function render() {
    const found = find(input.value);
    shown = found.slice(0, most).map(([, entry]) => entry);
    list.replaceChildren();
    at = -1;
    if (!input.value.trim()) return close();
    shown.forEach((entry, number) => {
      const item = element("a", "hit");
      item.href = root + entry.place;
      item.id = `hit-${number}`;
      item.setAttribute("role", "option");
      item.tabIndex = -1;
      const head = element("span", "hit-head");
      head.append(element("code", "", entry.name), element("span", `hit-kind ${entry.kind}`, entry.kind));
      if (entry.kind !== "table" && entry.kind !== "report") head.append(element("span", "hit-of", entry.of));
      item.append(head, element("span", "hit-text", entry.text));
      list.append(item);
    });
    const more = found.length - shown.length;
    const told = !found.length ? "Nothing is called that." : more > 0 ? `and ${more} more` : "";
    if (told) list.append(element("div", "hit-note", told));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    if (shown.length) choose(0);
  }

  function choose(number) {
    at = (number + shown.length) % shown.length;
    [...list.querySelectorAll(".hit")].forEach((item, place) => {
      item.classList.toggle("chosen", place === at);
      item.setAttribute("aria-selected", String(place === at));
      if (place === at) item.scrollIntoView({ block: "nearest" });
    });
    input.setAttribute("aria-activedescendant", `hit-${at}`);
  }

  input.addEventListener("input", render);
  input.addEventListener("focus", () => input.value && render());
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { input.value = ""; close(); return; }
    if (list.hidden || !shown.length) return;
    if (event.key === "ArrowDown") choose(at + 1);
    else if (event.key === "ArrowUp") choose(at - 1);
    else if (event.key === "Enter") { window.location.href = root + shown[Math.max(at, 0)].place; close(); }
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    const typing = /^(input|textarea|select)$/i.test(document.activeElement.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      input.focus();
      input.select();
    }
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".search") || event.target.closest(".hit")) close();
  });

  // A link to a search: index.html?q=revenue
  const asked = new URLSearchParams(window.location.search).get("q");
  if (asked) { input.value = asked; render(); }

  // Point at a box, or reach it by keyboard: all that it is made of and that is made of it stands out.
  for (const picture of document.querySelectorAll("svg.picture")) {
    const lines = [...picture.querySelectorAll(".line")];
    const boxes = [...picture.querySelectorAll(".box")];
    const walk = (start, from, to) => {
      const seen = new Set([start]);
      const used = new Set();
      for (const name of seen) {
        for (const line of lines) {
          if (line.dataset[from] === name) { used.add(line); seen.add(line.dataset[to]); }
        }
      }
      return [seen, used];
    };
    const show = (name) => {
      const [above, linesAbove] = walk(name, "right", "left");
      const [below, linesBelow] = walk(name, "left", "right");
      picture.classList.add("pointed");
      boxes.forEach((box) => box.classList.toggle("on", above.has(box.dataset.box) || below.has(box.dataset.box)));
      lines.forEach((line) => line.classList.toggle("on", linesAbove.has(line) || linesBelow.has(line)));
    };
    const hide = () => picture.classList.remove("pointed");
    for (const box of boxes) {
      const target = box.closest("a") || box;
      target.addEventListener("mouseenter", () => show(box.dataset.box));
      target.addEventListener("mouseleave", hide);
      target.addEventListener("focus", () => show(box.dataset.box));
      target.addEventListener("blur", hide);
    }
    for (const line of lines) {
      line.addEventListener("mouseenter", () => {
        picture.classList.add("pointed");
        boxes.forEach((box) => box.classList.toggle("on", [line.dataset.left, line.dataset.right].includes(box.dataset.box)));
        lines.forEach((other) => other.classList.toggle("on", other === line));
      });
      line.addEventListener("mouseleave", hide);
    }
    // What the picture is about comes into view.
    const here = picture.querySelector(".here");
    const canvas = picture.closest(".canvas");
    if (here && canvas && canvas.scrollWidth > canvas.clientWidth) {
      const box = here.getBoundingClientRect();
      canvas.scrollLeft += box.left - canvas.getBoundingClientRect().left - (canvas.clientWidth - box.width) / 2;
    }
  }
})();
