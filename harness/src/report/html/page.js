"use strict";
// What others wrote comes from the block of JSON, and gets into the page as text alone: by `append`, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { head, summary, rules } = data;
  const value = (place) => (place === undefined ? undefined : data.values[place]);
  const list = (place) => (value(place) ?? []).map(value);

  const VERDICTS = [
    ["fail", "failed", "failed"],
    ["unexpected-pass", "unexpected pass", "unexpected_passes"],
    ["unjudged", "unjudged", "unjudged"],
    ["not-run", "not run", "not_run"],
    ["known-failure", "known failure", "known_failures"],
    ["pass", "passed", "passed"],
    ["not-applicable", "not applicable", "not_applicable"],
  ];
  const WORD = Object.fromEntries(VERDICTS.map(([verdict, word]) => [verdict, word]));
  const RANK = Object.fromEntries(VERDICTS.map(([verdict], rank) => [verdict, rank]));
  // Findings are looked at when they are first asked for: most runs are never opened.
  class Run {
    constructor(told, order) {
      Object.assign(this, told);
      this.order = order;
      this.id = `${value(told.scenario)}@${told.revision}`;
    }
    get every() {
      return (this.found ??= [...list(this.findings), ...list(this.known)]);
    }
    get text() {
      return (this.haystack ??= [
        this.id, value(this.title), value(this.reason) ?? "", value(this.apply_error) ?? "", value(this.load_error) ?? "",
        ...this.every.flatMap(({ rule, message }) => [rule, rules[rule].title, message]),
        ...list(this.mismatches).flatMap(({ expected, found }) => [expected, found]),
      ].join("\n").toLowerCase());
    }
    // In a few words, why it did not just pass.
    get note() {
      if (this.reason !== undefined) return value(this.reason);
      const causes = [...new Set(this.every.map(({ rule }) => rule))];
      if (this.mismatches !== undefined) causes.push("not as expected");
      return causes.join(", ");
    }
  }
  const runs = data.runs.map((told, order) => new Run(told, order));
  runs.sort((a, b) => RANK[a.verdict] - RANK[b.verdict] || (a.findings === undefined) - (b.findings === undefined) || a.order - b.order);
  const byId = new Map(runs.map((run) => [run.id, run]));

  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  function put(node, attributes, children) {
    for (const [name, set] of Object.entries(attributes)) {
      if (set === true) node.setAttribute(name, "");
      else if (set !== undefined && set !== false) node.setAttribute(name, set);
    }
    node.append(...children.flat().filter((child) => child !== undefined && child !== false && child !== ""));
    return node;
  }
  const el = (tag, attributes = {}, ...children) => put(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) => put(document.createElementNS(SVG, tag), attributes, children);
  const mark = (verdict) => svg("svg", { class: `mark ${verdict}`, "aria-hidden": "true" }, svg("use", { href: `#${verdict}` }));
  const said = (text, name = "") => el("span", { class: `said ${name}`.trim() }, text);
  const counted = (count, thing) => `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;
  const pairs = (...entries) =>
    el("dl", { class: "pairs" }, entries.filter(([, text]) => text).map(([key, ...text]) => el("div", {}, el("dt", {}, key), el("dd", { class: "said" }, ...text))));

  // What is shown is all in the address, so that it can be sent to somebody, and so that the way back works.
  const KEYS = ["verdict", "revision", "rule", "level", "file", "q"];
  const state = { verdict: new Set(), revision: "", rule: "", level: "", file: "", q: "", run: "" };
  function read() {
    const told = new URLSearchParams(location.hash.slice(1));
    for (const key of KEYS) state[key] = told.get(key) ?? "";
    state.verdict = new Set(state.verdict.split(",").filter((verdict) => verdict in WORD));
    state.run = told.get("run") ?? "";
  }
  function address(change = {}) {
    const told = { ...state, ...change };
    const query = new URLSearchParams();
    if (told.run) query.set("run", told.run);
    for (const key of KEYS) {
      const text = key === "verdict" ? [...told.verdict].join(",") : told[key];
      if (text) query.set(key, text);
    }
    return `#${query.toString().replaceAll("%40", "@").replaceAll("%2F", "/").replaceAll("%2C", ",")}`;
  }
  function go(change, replaces = false) {
    const to = address(change);
    if (to === (location.hash || "#")) return;
    history[replaces ? "replaceState" : "pushState"](null, "", to);
    follow();
  }

  function headline() {
    const total = runs.length;
    const bad = summary.failed + summary.unexpected_passes;
    if (bad > 0) return `${bad.toLocaleString("en")} of ${counted(total, "run")} failed`;
    if (summary.unjudged > 0) return `${summary.unjudged.toLocaleString("en")} of ${counted(total, "run")} could not be judged`;
    if (summary.passed + summary.known_failures === 0) return "Nothing was judged";
    const listed = summary.known_failures > 0 ? "Nothing failed but what is listed" : "Nothing failed";
    return summary.interrupted || summary.not_run > 0 || total < head.planned ? `${listed} of what was run` : listed;
  }
  function top() {
    const { subject } = head;
    $("subject").append(subject ? said([subject.name, subject.version].filter(Boolean).join(" ")) : "reference engine and mock provider");
    $("headline").append(headline());
    const warnings = [];
    if (summary.interrupted) warnings.push("The run was interrupted: only what had finished is here.");
    const notRun = new Map();
    for (const run of runs) if (run.verdict === "not-run") notRun.set(run.reason, (notRun.get(run.reason) ?? 0) + 1);
    for (const [reason, count] of [...notRun].slice(0, 3)) warnings.push(`${counted(count, "run")} not made: ${value(reason)}.`);
    if (notRun.size > 3) warnings.push(`${counted(summary.not_run, "run")} not made in all.`);
    if (runs.length < head.planned) warnings.push(`${(head.planned - runs.length).toLocaleString("en")} of ${counted(head.planned, "run")} are missing.`);
    if (summary.defects > 0) warnings.push(`Counterfoil itself failed in ${counted(summary.defects, "run")}.`);
    $("banner").hidden = warnings.length === 0;
    $("banner").append(...warnings.map((warning) => el("span", { class: "said" }, warning)));
    for (const [verdict, word, key] of VERDICTS) {
      const count = summary[key] ?? 0;
      if (count === 0) continue;
      const part = el("i", { class: verdict });
      part.style.flexGrow = count;
      $("bar").append(part);
      const button = el("button", { type: "button", class: verdict, "data-verdict": verdict, "aria-pressed": "false" }, mark(verdict), el("b", {}, count.toLocaleString("en")), el("span", {}, word));
      button.addEventListener("click", () => {
        const verdicts = new Set(state.verdict);
        if (!verdicts.delete(verdict)) verdicts.add(verdict);
        go({ verdict: verdicts });
      });
      $("verdicts").append(button);
    }
    const beyond = summary.rules_out_of_reach;
    const more = beyond === 0 ? "" : subject ? `; ${beyond} more need --live` : `; ${beyond} need a plugin or an adapter (counterfoil test)`;
    const digest = subject?.archive_sha256 ?? subject?.sha256;
    for (const [key, text] of [
      ["rules", `judged ${summary.rules_judged} of ${summary.rules} rules${more}`],
      ["warnings", summary.warnings > 0 && `${summary.warnings.toLocaleString("en")} of level SHOULD`],
      ["part", head.partition],
      ["took", `${(summary.millis / 1000).toFixed(2)} s`],
      ["subject", subject?.place],
      ["sha256", digest],
      ["Initialize is given", subject?.config],
      ["settings", head.settings],
      ["by", `counterfoil ${head.counterfoil}`],
    ]) {
      if (text) $("facts").append(el("div", {}, el("dt", {}, key), el("dd", { class: "said" }, text)));
    }
  }

  function options(id, all, entries) {
    const counts = new Map();
    for (const run of runs) for (const key of new Set(entries(run))) counts.set(key, (counts.get(key) ?? 0) + 1);
    const keys = [...counts.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    $(id).append(el("option", { value: "" }, all), ...keys.map((key) => el("option", { value: key }, `${key} (${counts.get(key).toLocaleString("en")})`)));
    $(id).addEventListener("change", () => go({ [id]: $(id).value }));
  }
  function folders(file) {
    const parts = file.split("/");
    return parts.map((_, depth) => parts.slice(0, depth + 1).join("/") + (depth + 1 < parts.length ? "/" : ""));
  }
  function tools() {
    options("revision", "all revisions", (run) => [run.revision]);
    options("rule", "any rule", (run) => [...run.every.map(({ rule }) => rule), ...list(run.expected)]);
    options("level", "any level", (run) => run.every.map(({ level }) => level));
    options("file", "all files", (run) => folders(value(run.file)).filter(Boolean));
    let typed;
    $("search").addEventListener("input", () => {
      clearTimeout(typed);
      typed = setTimeout(() => go({ q: $("search").value.trim() }, true), 60);
    });
    $("clear").addEventListener("click", () => go({ verdict: new Set(), revision: "", rule: "", level: "", file: "", q: "" }));
    $("tools").addEventListener("submit", (event) => event.preventDefault());
  }

  const rows = $("rows");
  let shown = [];
  let cursor = 0;
  let height = 40;
  const drawn = new Map();
  function filter() {
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const { verdict, revision, rule, level, file } = state;
    shown = runs.filter((run) =>
      (verdict.size === 0 || verdict.has(run.verdict)) &&
      (!revision || run.revision === revision) &&
      (!file || (file.endsWith("/") ? value(run.file).startsWith(file) : value(run.file) === file)) &&
      (!rule || run.every.some((found) => found.rule === rule) || list(run.expected).includes(rule)) &&
      (!level || run.every.some((found) => found.level === level)) &&
      words.every((word) => run.text.includes(word)));
    cursor = Math.max(0, shown.findIndex((run) => run.id === state.run));
    for (const item of drawn.values()) item.remove();
    drawn.clear();
    $("empty").hidden = shown.length > 0;
    const all = shown.length === runs.length;
    $("count").textContent = all ? counted(runs.length, "run") : `${shown.length.toLocaleString("en")} of ${counted(runs.length, "run")}`;
    $("clear").hidden = KEYS.every((key) => (key === "verdict" ? verdict.size === 0 : !state[key]));
    for (const button of $("verdicts").children) button.setAttribute("aria-pressed", verdict.has(button.dataset.verdict));
    for (const id of ["revision", "rule", "level", "file"]) $(id).value = state[id];
    if (document.activeElement !== $("search")) $("search").value = state.q;
  }
  function row(at) {
    const run = shown[at];
    const isSame = at > 0 && shown[at - 1].scenario === run.scenario && shown[at - 1].verdict === run.verdict;
    const link = el("a", { href: address({ run: run.id }), class: isSame && "same", tabindex: at === cursor ? "0" : "-1", "aria-current": run.id === state.run ? "true" : "false" },
      el("span", { class: `verdict ${run.verdict}` }, mark(run.verdict), el("span", {}, WORD[run.verdict])),
      el("span", { class: "id" }, value(run.scenario)),
      el("span", { class: "revision" }, run.revision),
      el("span", { class: "title" }, value(run.title)),
      el("span", { class: "note" }, run.note));
    link.addEventListener("focus", () => choose(at));
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      go({ run: run.id });
    });
    const item = el("li", { "aria-posinset": at + 1, "aria-setsize": shown.length }, link);
    item.style.transform = `translateY(${at * height}px)`;
    return item;
  }
  // Only what is to be seen is in the page, and the row that has the focus.
  function draw() {
    const start = -rows.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(start / height) - 12);
    const last = Math.min(shown.length, Math.ceil((start + innerHeight) / height) + 12);
    for (const [at, item] of drawn) {
      if ((at < first || at >= last) && at !== cursor) {
        item.remove();
        drawn.delete(at);
      }
    }
    let next = null;
    for (let at = last - 1; at >= first; at--) {
      let item = drawn.get(at);
      if (!item) {
        item = row(at);
        drawn.set(at, item);
        rows.insertBefore(item, next);
      }
      next = item;
    }
    if (shown.length > 0 && !drawn.has(cursor)) {
      const item = row(cursor);
      drawn.set(cursor, item);
      cursor < first ? rows.prepend(item) : rows.append(item);
    }
  }
  function measure() {
    height = parseFloat(getComputedStyle(rows).getPropertyValue("--row"));
    rows.style.height = `${shown.length * height}px`;
    document.documentElement.style.setProperty("--tools", `${$("tools").offsetHeight}px`);
    for (const [at, item] of drawn) item.style.transform = `translateY(${at * height}px)`;
    draw();
  }
  function choose(at) {
    drawn.get(cursor)?.firstChild.setAttribute("tabindex", "-1");
    cursor = at;
    drawn.get(cursor)?.firstChild.setAttribute("tabindex", "0");
  }
  function reveal(at) {
    const above = rows.getBoundingClientRect().top + at * height;
    const room = getComputedStyle($("tools")).position === "sticky" ? $("tools").offsetHeight : 0;
    if (above < room) scrollBy(0, above - room - height);
    else if (above + height > innerHeight) scrollBy(0, above + 2 * height - innerHeight);
  }
  function move(to) {
    if (shown.length === 0) return;
    const at = Math.min(shown.length - 1, Math.max(0, to));
    choose(at);
    reveal(at);
    draw();
    drawn.get(at).firstChild.focus({ preventScroll: true });
  }

  const ruleLink = (id) => el("a", { href: `${data.rules_page}#${encodeURIComponent(id.toLowerCase())}`, target: "_blank", rel: "noopener noreferrer", title: rules[id]?.title }, id);
  const section = (title, ...content) => el("section", {}, el("h3", {}, title), ...content);
  const actionName = (run, action) => {
    const planned = list(run.actions)[action];
    return planned ? `action ${action}: ${planned.kind} ${planned.address}` : `action ${action}`;
  };

  // The first of very many, and the rest by and by: what is long is still opened at once.
  const BATCH = 100;
  function batches(into, items, make) {
    let shown = 0;
    const more = el("button", { type: "button", class: "quiet more" });
    const next = () => {
      into.append(...items.slice(shown, shown + BATCH).map(make));
      shown = Math.min(items.length, shown + BATCH);
      more.hidden = shown === items.length;
      more.textContent = `Show more: ${shown.toLocaleString("en")} of ${items.length.toLocaleString("en")} are here`;
    };
    more.addEventListener("click", next);
    next();
    return more;
  }
  function batched(title, items, make) {
    const into = el("div");
    const more = batches(into, items, make);
    return items.length > 0 && section(title, into, more);
  }

  const fails = ({ level }) => level === "MUST" || head.strict;
  function finding(run, found) {
    const rule = rules[found.rule];
    const { place, at } = found;
    const evidence = list(found.evidence);
    return el("div", { class: `finding ${fails(found) ? "must" : "should"}` },
      el("p", { class: "head" }, ruleLink(found.rule), el("span", { class: "level" }, found.level), el("span", {}, `the ${found.party}`),
        found.action !== undefined && said(actionName(run, found.action), "muted")),
      el("p", { class: "rule" }, rule.title),
      el("p", { class: "message said" }, found.message),
      place && el("p", { class: "place" }, el("code", {}, `${place.file}:${place.line}:${place.column}`), " ", el("code", { class: "said muted" }, place.snippet.trim())),
      found.not_excused && el("p", { class: "said" }, found.not_excused),
      !place && at && el("p", { class: "place muted" }, el("code", { class: "said" }, `${value(run.file)}:${at.line}:${at.column}`)),
      evidence.length > 0 && el("ol", { class: "evidence", "aria-label": "Evidence, by its place in the trace" },
        evidence.map(({ event, text }) => el("li", {}, el("span", { class: "at" }, `#${event}`), said(text)))),
      rule.reason && el("details", {}, el("summary", {}, "The rule"),
        pairs(["why", rule.reason], ["judges", rule.judges], ["revisions", rule.revisions], ["enforced by", rule.enforced], ["source", rule.source])));
  }
  function unmet(run, { expected, found, action, line, column }) {
    return el("div", { class: "unmet" },
      pairs(["expected", expected], ["found", found],
        ["in", el("code", {}, `${value(run.file)}:${line}:${column}`), action === undefined ? "" : ` · ${actionName(run, action)}`]));
  }
  const GOOD = "success";
  function plan(run) {
    const actions = list(run.actions);
    // A plan may have very many actions, so each finding is looked at once.
    const byAction = new Map();
    for (const found of list(run.findings)) byAction.set(found.action, [...(byAction.get(found.action) ?? []), found]);
    const unmet = new Set(list(run.mismatches).map(({ action }) => action));
    const tells = actions.some(({ calls }) => calls !== undefined);
    const row = ([at, action]) => {
      const found = byAction.get(at) ?? [];
      const isUnmet = unmet.has(at);
      const isBad = isUnmet || found.some(fails);
      const causes = [...new Set(found.map(({ rule }) => rule))];
      const outcomes = action.outcomes.map(([status, error]) =>
        el("div", {}, el("span", { class: `status ${status === GOOD ? "pass" : "fail"}` }, mark(status === GOOD ? "pass" : "fail"), status), error && said(error, "error")));
      if (outcomes.length === 0) outcomes.push(el("span", { class: "muted" }, run.keeps_none ? "none is kept" : "none"));
      return el("tr", { class: isBad ? "blamed" : found.length > 0 && "warned" },
        el("td", {}, String(at)),
        el("td", {}, said(action.kind, "kind"), " ", said(action.address), said(action.type, "type")),
        tells && el("td", { class: "said" }, action.calls?.join(", ") || (action.calls ? "no call" : "")),
        el("td", {}, outcomes, (causes.length > 0 || isUnmet) && el("span", { class: "about" }, causes.map(ruleLink), isUnmet && "not as expected")));
    };
    const body = el("tbody");
    // Where not all are here at once, those that something is said of come first.
    const isPlain = ([at, { outcomes }]) => !byAction.has(at) && !unmet.has(at) && outcomes.length === 1 && outcomes[0][0] === GOOD;
    const rows = [...actions.entries()];
    if (rows.length > BATCH) rows.sort((a, b) => isPlain(a) - isPlain(b));
    const more = batches(body, rows, row);
    const names = ["#", "plan", ...(tells ? ["calls"] : []), "outcome"];
    return [el("table", { class: "plan" }, el("thead", {}, el("tr", {}, names.map((name) => el("th", { scope: "col" }, name)))), body), more];
  }

  const LANES = ["engine", "provider", "hooks"];
  function timeline(run) {
    const [steps, leftOut] = value(run.timeline);
    const actions = list(run.actions);
    const told = list(steps);
    const items = told.map(({ lane, action, text, failed, faults }, at) => {
      const planned = actions[action];
      const begins = lane === "engine" && text === "begins" && planned !== undefined;
      const isApart = !begins && at > 0 && told[at - 1].action !== action;
      return el("li", { class: [begins && "begins", isApart && "apart", failed && "failed"].filter(Boolean).join(" ") },
        el("span", { class: "told" }, `${lane}: `),
        el("span", { class: "what said" }, begins ? `${action}  ${planned.kind} ${planned.address}` : text),
        failed && el("span", { class: "told" }, "(failed)"),
        begins && said(planned.type, "type"),
        (faults ?? []).map((fault) => el("span", { class: "fault" }, `fault: ${fault}`)));
    });
    const drawing = svg("svg", { "aria-hidden": "true" });
    const steplist = el("ol", {}, items);
    const figure = el("figure", { class: "timeline" }, drawing, steplist,
      leftOut > 0 && el("figcaption", { class: "muted" }, `${counted(leftOut, "step")} more are left out; those with faults and failures are kept first.`));
    const redraw = () => {
      const spread = figure.clientWidth < 480 ? 50 : 58;
      const x = (lane) => 20 + LANES.indexOf(lane) * spread;
      const end = steplist.offsetHeight;
      const y = items.map((item) => item.offsetTop + (item.matches(".begins, .apart") ? 17 : 13));
      const parts = LANES.flatMap((lane) => [
        svg("text", { x: x(lane), y: 12 }, lane),
        svg("line", { class: "lane", x1: x(lane), x2: x(lane), y1: 20, y2: end }),
      ]);
      told.forEach(({ lane, action, text }, at) => {
        if (lane !== "engine" || text !== "begins") return;
        let last = at;
        while (told[last + 1]?.action === action) last++;
        parts.push(svg("line", { class: "busy", x1: x("engine"), x2: x("engine"), y1: y[at], y2: y[last] + 0.1 }));
      });
      told.forEach(({ lane, text, failed, faults }, at) => {
        const [cx, cy, lost] = [x(lane), y[at], failed ? " lost" : ""];
        if (lane !== "engine") parts.push(svg("path", { class: `way${lost}`, d: `M${x("engine") + 4} ${cy}H${cx - 9}` }), svg("path", { class: `way${failed ? " lost" : ""}`, d: `M${cx - 12} ${cy - 3}l4 3l-4 3` }));
        if ((faults ?? []).length > 0) {
          parts.push(svg("path", { class: "bolt", d: `M${cx} ${cy - 8}l8 8l-8 8l-8 -8z` }), svg("path", { class: "strike", d: `M${cx} ${cy - 3.5}v4m0 3v.2` }));
        } else {
          parts.push(svg("circle", { class: `dot${lost}${text === "begins" ? " solid" : ""}`, cx, cy, r: 5 }));
          if (failed) parts.push(svg("path", { class: "cross", d: `M${cx - 2} ${cy - 2}l4 4m0 -4l-4 4` }));
        }
      });
      drawing.setAttribute("width", 40 + 2 * spread);
      drawing.setAttribute("height", end);
      drawing.replaceChildren(...parts);
    };
    new ResizeObserver(redraw).observe(steplist);
    return figure;
  }

  function command(text) {
    const code = el("code", {}, text);
    const copy = el("button", { type: "button" }, "Copy");
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        copy.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        copy.textContent = "Selected";
      }
    });
    return el("div", { class: "command" }, code, copy);
  }
  function others(run) {
    const same = runs.filter((other) => other.scenario === run.scenario).sort((a, b) => a.order - b.order);
    if (same.length < 2) return undefined;
    return el("nav", { class: "others", "aria-label": "Revisions" }, same.map((other) =>
      el("a", { href: address({ run: other.id }), "aria-current": other === run ? "page" : undefined }, mark(other.verdict), other.revision, el("span", { class: "told" }, WORD[other.verdict]))));
  }
  function details(run) {
    const findings = list(run.findings);
    const level = (which) => findings.filter((found) => found.level === which);
    const known = list(run.known);
    const expected = list(run.expected);
    const judged = list(run.judged);
    const mismatches = list(run.mismatches);
    const replayed = value(run.replayed);
    const error = (what, text) => text && el("div", { class: "reason fail" }, el("b", {}, what), said(text));
    const close = el("button", { type: "button", class: "close", "aria-keyshortcuts": "Escape" }, "Close");
    close.addEventListener("click", leave);
    const content = [
      el("header", {},
        el("p", { class: `verdict ${run.verdict}` }, mark(run.verdict), WORD[run.verdict]),
        close,
        el("h2", { id: "run-title", class: "said", tabindex: "-1" }, value(run.title)),
        el("p", { class: "where" }, el("code", {}, run.id), value(run.file) && " · ", said(value(run.file)), ` · ${run.millis} ms`),
        others(run)),
      run.reason !== undefined && el("div", { class: `reason ${run.verdict}` }, said(value(run.reason))),
      error("The provider was not loaded", value(run.load_error)),
      error("The apply ended with an error", value(run.apply_error)),
      replayed && el("div", { class: "reason" }, said(`${replayed.rule}, which exploration found broken: ${replayed.came.replaceAll("-", " ")}`)),
      batched("Findings", [...level("MUST"), ...level("SHOULD")], (found) => finding(run, found)),
      batched("Not as expected", mismatches, (one) => unmet(run, one)),
      run.actions !== undefined && section("Plan and outcomes", ...plan(run)),
      run.timeline !== undefined && section("What happened", timeline(run)),
      batched("Known to fail", known, (found) => finding(run, found)),
      run.reproduce && section("Run it again", command(run.reproduce)),
      run.trace && section("Trace", el("p", {}, el("code", { class: "said" }, run.trace)), run.trace_error && el("p", { class: "said" }, `not complete: ${run.trace_error}`)),
      judged.length > 0 && el("section", {}, el("details", {}, el("summary", {}, `${counted(judged.length, "rule")} had something to judge`),
        el("ul", { class: "rules" }, judged.map((id) => el("li", {}, ruleLink(id), rules[id]?.title ?? ""))))),
      expected.length > 0 && section("Expected findings", el("p", {}, expected.flatMap((id) => [ruleLink(id), " "]))),
    ];
    $("run").replaceChildren(...content.filter(Boolean));
  }
  function missing(id) {
    const close = el("button", { type: "button", class: "close" }, "Close");
    close.addEventListener("click", leave);
    $("run").replaceChildren(el("header", {}, el("h2", { id: "run-title", tabindex: "-1" }, "No such run in this report"), close, el("p", { class: "where said" }, id)));
  }
  const leave = () => go({ run: "" });

  let open = "";
  let scrolled = 0;
  function follow() {
    read();
    filter();
    const wasOpen = open;
    if (!wasOpen && state.run) scrolled = scrollY;
    document.body.classList.toggle("reading", state.run !== "");
    $("run").hidden = state.run === "";
    open = state.run;
    if (open !== wasOpen) {
      if (!open) $("run").replaceChildren();
      else if (byId.has(open)) details(byId.get(open));
      else missing(open);
    }
    measure();
    if (open === wasOpen) return;
    if (open) {
      $("run").scrollTop = 0;
      const covers = $("list").offsetParent === null;
      // Beside the list it has the whole height once what stands above the list is out of sight.
      if (covers) scrollTo(0, 0);
      else if (!wasOpen) scrollBy(0, Math.max(0, $("tools").getBoundingClientRect().top));
      if (!covers && shown[cursor]?.id === open) reveal(cursor);
      draw();
      $("run-title").focus({ preventScroll: true });
    } else {
      scrollTo(0, scrolled);
      const at = shown.findIndex((run) => run.id === wasOpen);
      if (at >= 0) move(at);
    }
  }

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key, target } = event;
    const isTyping = target.closest("input, select");
    const isInRun = target.closest("#run") !== null;
    const page = Math.max(1, Math.floor(innerHeight / height) - 3);
    const inList = rows.contains(target);
    if (key === "Escape") {
      if (target === $("search") && $("search").value) {
        $("search").value = "";
        go({ q: "" }, true);
      } else if (state.run) leave();
      else target.blur();
    } else if (target === $("search") && (key === "ArrowDown" || key === "Enter")) move(cursor);
    else if (isTyping) return;
    else if (key === "/") {
      if (state.run && $("list").offsetParent === null) leave();
      $("search").focus();
      $("search").select();
    } else if ((key === "j" || key === "k") && state.run) {
      const at = shown.findIndex((run) => run.id === state.run);
      const next = shown[at + (key === "j" ? 1 : -1)];
      if (next) go({ run: next.id }, true);
    } else if (isInRun) return;
    else if (key === "j" || key === "ArrowDown") move(inList ? cursor + 1 : cursor);
    else if (key === "k" || key === "ArrowUp") move(inList ? cursor - 1 : cursor);
    else if (inList && key === "PageDown") move(cursor + page);
    else if (inList && key === "PageUp") move(cursor - page);
    else if (inList && key === "Home") move(0);
    else if (inList && key === "End") move(shown.length - 1);
    else return;
    event.preventDefault();
  }

  top();
  tools();
  $("app").hidden = false;
  addEventListener("popstate", follow);
  addEventListener("keydown", press);
  addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(measure).observe($("list"));
  follow();
})();
