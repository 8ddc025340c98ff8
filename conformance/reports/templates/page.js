(() => {
  "use strict";
  const $ = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const form = $(".tools"), query = $("#q"), shown = $("#shown"), clear = $("[type=reset]", form);
  const groups = all(".group").map((element) => ({
    element,
    runtime: element.dataset.runtime,
    opened: element.open,
    cells: all(".cell", element).map((cell) => ({
      element: cell,
      status: cell.dataset.s,
      requirements: cell.dataset.r.split(" "),
      text: (cell.id.slice(5) + " " + cell.dataset.r).toLowerCase(),
    })),
  }));
  const total = groups.reduce((sum, group) => sum + group.cells.length, 0);
  const chips = all(".chip");
  const runtime = $("#runtime"), requirement = $("#requirement");

  // -------------------------------------------------------------- evidence, unpacked when asked for
  const unpacked = new Map();
  const unpack = (group) => {
    if (!unpacked.has(group)) {
      const bytes = Uint8Array.from(atob($("script", group).textContent), (c) => c.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      unpacked.set(group, new Response(stream).json());
    }
    return unpacked.get(group);
  };
  const fill = async (cell) => {
    const place = $(".static", cell);
    if (place && !cell.dataset.asked) {
      cell.dataset.asked = "1";
      try {
        const pieces = await unpack(cell.closest(".group"));
        $(".body", cell).innerHTML = pieces[cell.id.slice(5)];
      } catch (problem) {
        place.append(" (this browser cannot unpack the evidence; it is in report.json)");
      }
    }
    const line = $(".replay", cell);
    if (line && !$("button", line) && navigator.clipboard) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "copy";
      button.onclick = async () => {
        await navigator.clipboard.writeText($("code", line).textContent);
        button.textContent = "copied";
        setTimeout(() => (button.textContent = "copy"), 1500);
      };
      line.append(button);
    }
  };
  // toggle does not bubble, and ten thousand listeners are not needed to hear it.
  document.addEventListener("toggle", (event) => {
    if (event.target.open && event.target.classList.contains("cell")) fill(event.target);
  }, true);

  // -------------------------------------------------------------- filters
  const wanted = () => ({
    words: query.value.toLowerCase().split(/\s+/).filter(Boolean),
    statuses: new Set(chips.filter((c) => c.ariaPressed === "true").map((c) => c.dataset.status)),
    runtime: runtime.value,
    requirement: requirement.value,
  });
  const fits = (cell, want) =>
    (!want.statuses.size || want.statuses.has(cell.status)) &&
    (!want.requirement || cell.requirements.includes(want.requirement)) &&
    want.words.every((word) => cell.text.includes(word));
  const apply = () => {
    const want = wanted();
    const active = want.words.length || want.statuses.size || want.runtime || want.requirement;
    let count = 0;
    for (const group of groups) {
      const there = !want.runtime || group.runtime === want.runtime;
      let here = 0;
      for (const cell of group.cells) {
        const fit = there && fits(cell, want);
        if (cell.element.hidden === fit) cell.element.hidden = !fit;
        if (fit) here += 1;
      }
      group.element.hidden = !here;
      group.element.open = active ? here > 0 && count + here <= 400 : group.opened;
      count += here;
    }
    shown.value = active ? `${count} of ${total} cells` : `${total} cells`;
    clear.hidden = !active;
    $(".nothing").hidden = count > 0;
    const state = new URLSearchParams();
    if (query.value) state.set("q", query.value);
    if (want.statuses.size) state.set("status", [...want.statuses].join(","));
    if (want.runtime) state.set("runtime", want.runtime);
    if (want.requirement) state.set("requirement", want.requirement);
    history.replaceState(null, "", active ? "#" + state : location.pathname + location.search);
  };
  const reset = () => {
    form.reset();
    for (const chip of chips) chip.ariaPressed = "false";
    apply();
  };
  let waiting;
  query.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 60);
  });
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.ariaPressed = chip.ariaPressed === "true" ? "false" : "true";
      apply();
    });
  }
  runtime.addEventListener("change", apply);
  requirement.addEventListener("change", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  clear.addEventListener("click", (event) => { event.preventDefault(); reset(); });
  $("[data-clear]").addEventListener("click", reset);

  // -------------------------------------------------------------- links into the page
  const reveal = (element) => {
    if (!element) return;
    if (element.closest("[hidden]")) reset();
    for (let at = element; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    element.scrollIntoView({ block: "start" });
    const summary = $("summary", element);
    if (summary) summary.focus({ preventScroll: true });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link) return;
    if (link.dataset.requirement) {
      event.preventDefault();
      form.reset();
      for (const chip of chips) chip.ariaPressed = "false";
      requirement.value = link.dataset.requirement;
      apply();
      $("#cells").scrollIntoView();
      return;
    }
    const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (target) {
      event.preventDefault();
      reveal(target);
      history.replaceState(null, "", link.hash);
    }
  });
  const arrive = () => {
    const hash = decodeURIComponent(location.hash.slice(1));
    const target = document.getElementById(hash);
    if (target) return reveal(target);
    const state = new URLSearchParams(location.hash.slice(1));
    query.value = state.get("q") || "";
    for (const chip of chips) {
      const on = (state.get("status") || "").split(",").includes(chip.dataset.status);
      chip.ariaPressed = String(on);
    }
    runtime.value = state.get("runtime") || "";
    requirement.value = state.get("requirement") || "";
    apply();
  };

  // -------------------------------------------------------------- keys
  let current = null;
  const step = (way) => {
    const cells = groups
      .filter((group) => !group.element.hidden && group.element.open)
      .flatMap((group) => group.cells.filter((cell) => !cell.element.hidden));
    if (!cells.length) return;
    const at = cells.findIndex((cell) => cell.element === current);
    const next = cells[Math.min(cells.length - 1, Math.max(0, at + way))].element;
    if (current) current.classList.remove("on");
    current = next;
    current.classList.add("on");
    $("summary", current).focus({ preventScroll: true });
    current.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape" && (typing || !clear.hidden)) {
      event.target.blur();
      reset();
    } else if (!typing && event.key === "/") {
      event.preventDefault();
      query.focus();
      query.select();
    } else if (!typing && (event.key === "j" || event.key === "k")) {
      step(event.key === "j" ? 1 : -1);
    }
  });

  form.hidden = false;
  $(".keys").hidden = false;
  for (const cell of all(".cell[open]")) fill(cell);
  arrive();
})();
