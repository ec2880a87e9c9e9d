"use strict";
(() => {
  const island = document.getElementById("sample");
  const home = document.getElementById("questions");
  if (!home) return;
  const questions = JSON.parse(island.textContent);
  const PAGE = 10;
  const ANSWERS = ["all right", "all wrong", "models differ", "gained", "lost"];
  const state = { style: new Set(), verdict: new Set(), outcome: new Set(), answers: new Set(), words: "", page: 0, focus: -1 };

  // Rows are data: the one way to the page is textContent.
  const make = (tag, classes, text, ...children) => {
    const node = document.createElement(tag);
    if (classes) node.className = classes;
    if (text !== undefined && text !== null) { node.textContent = text; node.dir = "auto"; }
    node.append(...children);
    return node;
  };
  // An answer that nobody found is no wrong one, and one without gold is neither.
  const isWrong = (row) => row.correct === false && row.prediction !== null;
  const sign = (row) => (row.correct === true ? "✓ " : isWrong(row) ? "✗ " : "");
  const tone = (row) => (row.correct === true ? " good" : isWrong(row) ? " bad" : "");

  // gained: a student is right where its untrained base was wrong; lost is the other way round.
  const answerKinds = (question) => {
    const told = question.answers.filter((answer) => answer.correct !== null);
    if (!told.length) return [];
    const right = told.filter((answer) => answer.correct).length;
    const kinds = [right === told.length ? "all right" : right === 0 ? "all wrong" : "models differ"];
    const known = new Map(told.map((answer) => [answer.model + "\n" + answer.sample, answer.correct]));
    for (const answer of told) {
      const before = answer.base === null ? undefined : known.get(answer.base + "\n" + answer.sample);
      if (before === undefined || before === answer.correct) continue;
      const kind = answer.correct ? "gained" : "lost";
      if (!kinds.includes(kind)) kinds.push(kind);
    }
    return kinds;
  };
  for (const question of questions) {
    question.kinds = answerKinds(question);
    const parts = [question.id, question.question, question.context, ...question.choices];
    for (const path of question.paths) parts.push(path.id, path.response, path.teacher, ...path.verdicts.map((v) => v.reason));
    for (const answer of question.answers) parts.push(answer.model, answer.response);
    question.text = parts.filter(Boolean).join("\n").toLowerCase();
  }

  const facets = { style: new Map(), verdict: new Map(), outcome: new Map(), answers: new Map(ANSWERS.map((k) => [k, 0])) };
  const count = (facet, value) => facets[facet].set(value, (facets[facet].get(value) || 0) + 1);
  for (const question of questions) {
    question.kinds.forEach((kind) => count("answers", kind));
    for (const path of question.paths) {
      count("style", path.style);
      count("verdict", path.verdict);
      count("outcome", path.outcome);
    }
  }

  const filters = document.getElementById("filters");
  const boxes = [];
  const addFacet = (facet, title) => {
    const values = [...facets[facet]].filter(([, number]) => number);
    if (facet === "verdict" || facet === "outcome") values.sort((one, other) => other[1] - one[1]);
    if (!values.length || (values.length < 2 && facet !== "answers")) return;
    const set = make("fieldset", "", null, make("legend", "", title));
    for (const [value, number] of values) {
      const box = make("input");
      box.type = "checkbox";
      box.addEventListener("change", () => {
        box.checked ? state[facet].add(value) : state[facet].delete(value);
        restart();
      });
      boxes.push(box);
      set.append(make("label", "", null, box, make("span", "", value + " " + number.toLocaleString("en"))));
    }
    filters.append(set);
  };
  addFacet("style", "Style");
  addFacet("verdict", "Verdict");
  addFacet("outcome", "Outcome");
  addFacet("answers", "Answers");
  const search = make("input");
  search.type = "search";
  search.placeholder = "Search questions, paths, reasons, answers";
  search.setAttribute("aria-label", search.placeholder);
  const clear = make("button", "", "Clear");
  clear.type = "button";
  filters.append(make("fieldset", "", null, make("legend", "", "Search"), search, clear));
  let timer = 0;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { state.words = search.value.trim().toLowerCase(); restart(); }, 120);
  });
  const clearAll = () => {
    boxes.forEach((box) => { box.checked = false; });
    ["style", "verdict", "outcome", "answers"].forEach((facet) => state[facet].clear());
    search.value = state.words = "";
    restart();
  };
  clear.addEventListener("click", clearAll);

  const holds = (facet, value) => !state[facet].size || state[facet].has(value);
  const fits = (path) => holds("style", path.style) && holds("verdict", path.verdict) && holds("outcome", path.outcome);
  let found = [];
  const select = () => {
    const byPath = state.style.size || state.verdict.size || state.outcome.size;
    found = questions.filter((question) =>
      (!state.answers.size || question.kinds.some((kind) => state.answers.has(kind))) &&
      (!byPath || question.paths.some(fits)) && (!state.words || question.text.includes(state.words)));
  };

  const drawVerdict = (verdict) => {
    const node = make("p", "verdict " + verdict.verdict, null, make("b", "", verdict.verdict), " ", make("span", "small", verdict.judge));
    node.append(make("br"), make("span", "", verdict.reason || "no reason given"));
    return node;
  };
  const drawPath = (path) => {
    const badges = make("p", "badges", null, make("span", "badge style", path.style));
    const found = path.prediction === null ? path.answerKind : "answers " + path.prediction;
    badges.append(make("span", "badge" + tone(path), sign(path) + found));
    if (found !== path.outcome) badges.append(make("span", "badge" + (path.isLost ? " bad" : path.isGood ? " good" : ""), path.outcome));
    const reply = make("div", "reply", path.response || "(empty)");
    reply.tabIndex = 0;
    const node = make("div", "path", null, badges, reply);
    path.verdicts.forEach((verdict) => node.append(drawVerdict(verdict)));
    for (const [run, students] of Object.entries(path.routed || {}))
      node.append(make("p", "small", "routed to " + (students.join(", ") || "no student") + " in the last epoch of " + run));
    node.append(make("p", "small", path.teacher + " · " + path.id));
    return node;
  };
  const drawAnswer = (answer, gold) => {
    const node = make("details", "answer" + (answer.correct === true ? " right-answer" : isWrong(answer) ? " wrong-answer" : ""));
    const title = sign(answer) + answer.model + (answer.sample ? " #" + answer.sample : "") + ": ";
    node.append(make("summary", "", title + (answer.prediction === null ? "no answer" : answer.prediction) + (gold === null ? " (no gold)" : "")));
    node.append(make("div", "reply", answer.response || "(empty)"));
    return node;
  };
  const drawQuestion = (question) => {
    const badges = make("p", "badges", null, make("span", "badge kind", question.id), make("span", "badge", question.task));
    for (const [name, value] of [["", question.dataset], ["", question.difficulty]]) if (value) badges.append(make("span", "badge", name + value));
    for (const kind of question.kinds) badges.append(make("span", "badge", kind));
    const node = make("article", "question", null, badges);
    node.tabIndex = -1;
    if (question.context) node.append(make("p", "context", question.context));
    node.append(make("p", "asked", question.question));
    if (question.choices.length)
      node.append(make("ul", "choices", null, ...question.choices.map((text, k) => make("li", "", String.fromCharCode(65 + k) + ". " + text))));
    node.append(make("p", "small", "gold answer: " + (question.answer === null ? "none" : question.answer)));
    if (question.answers.length) node.append(make("div", "answers", null, ...question.answers.map((answer) => drawAnswer(answer, question.answer))));
    const paths = question.paths.filter(fits);
    if (paths.length) node.append(make("div", "paths", null, ...paths.map(drawPath)));
    return node;
  };

  const status = document.getElementById("status"), pager = document.getElementById("pager");
  const before = make("button", "", "Previous"), after = make("button", "", "Next"), place = make("span", "small");
  before.type = after.type = "button";
  pager.append(before, after, place);
  const draw = () => {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    state.page = Math.min(Math.max(0, state.page), pages - 1);
    state.focus = -1;
    const shown = found.slice(state.page * PAGE, (state.page + 1) * PAGE);
    home.replaceChildren(...shown.map(drawQuestion));
    const fitting = found.reduce((sum, question) => sum + question.paths.filter(fits).length, 0);
    const answers = found.reduce((sum, question) => sum + question.answers.length, 0);
    status.textContent = found.length.toLocaleString("en") + " of " + questions.length.toLocaleString("en") + " questions, " +
      fitting.toLocaleString("en") + " paths, " + answers.toLocaleString("en") + " answers";
    place.textContent = "page " + (state.page + 1).toLocaleString("en") + " of " + pages.toLocaleString("en");
    before.disabled = state.page === 0;
    after.disabled = state.page >= pages - 1;
  };
  const restart = () => { state.page = 0; select(); draw(); };
  const turn = (step) => { state.page += step; draw(); document.getElementById("browse").scrollIntoView(); };
  before.addEventListener("click", () => turn(-1));
  after.addEventListener("click", () => turn(1));
  const move = (step) => {
    const nodes = home.children;
    if (!nodes.length) return;
    state.focus = Math.min(Math.max(0, state.focus + step), nodes.length - 1);
    nodes[state.focus].focus();
    nodes[state.focus].scrollIntoView({ block: "start" });
  };

  const keys = { j: () => move(1), k: () => move(-1), n: () => turn(1), p: () => turn(-1), x: clearAll, "/": () => search.focus() };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === search) { if (event.key === "Escape") search.blur(); return; }
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });
  restart();
})();
