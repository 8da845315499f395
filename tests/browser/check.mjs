// Drives a page of the HTML report in Chromium: node check.mjs real|hostile|large|long PAGE CHROMIUM
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [kind, path, executablePath] = process.argv.slice(2);
const address = pathToFileURL(path).href;
const pictures = process.env.COUNTERFOIL_SCREENSHOTS;

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const troubles = [];

// What the page has to be like is worked out here from its data, and not by its own script.
const data = JSON.parse(readFileSync(path, "utf8").split('id="data">')[1].split("</script>")[0]);
const value = (place) => (place === undefined ? undefined : data.values[place]);
const list = (place) => (value(place) ?? []).map(value);
const runs = data.runs.map((run) => ({ ...run, id: `${value(run.scenario)}@${run.revision}` }));

async function open(hash = "", options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (message) => troubles.push(`console: ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`);
    return dialog.dismiss();
  });
  page.on("request", (request) => {
    if (request.url().split("#")[0] !== address) troubles.push(`request: ${request.url()}`);
  });
  await page.goto(address + hash);
  if (options.javaScriptEnabled !== false) await page.waitForSelector("#app:not([hidden])");
  return page;
}
const picture = async (page, name) => pictures && page.screenshot({ path: join(pictures, `${name}.png`) });
const count = (page) => page.locator("#count").textContent();
const counted = (few) => `${few === runs.length ? "" : `${few.toLocaleString("en")} of `}${runs.length.toLocaleString("en")} runs`;
const counts = async (page, few, about) => {
  await page.waitForFunction((text) => document.getElementById("count").textContent === text, counted(few)).catch(async () => {
    assert.equal(await count(page), counted(few), about);
  });
};
const focused = (page) => page.evaluate(() => {
  const link = document.activeElement.closest("#rows a");
  return link && link.querySelector(".id").textContent + "@" + link.querySelector(".revision").textContent;
});

// The texts that stand out too little from what is behind them.
function faint() {
  const numbers = (color) => {
    const [r, g, b, alpha = 1] = color.match(/[\d.]+/g).map(Number);
    return { rgb: [r, g, b], alpha };
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const { rgb, alpha } = numbers(getComputedStyle(node).backgroundColor);
      if (alpha === 1) return rgb;
    }
    throw new Error("nothing is behind it");
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let seen = 0; texts.nextNode(); seen++) {
    const { parentElement: parent, textContent } = texts.currentNode;
    const { color, fill, visibility } = getComputedStyle(parent);
    if (!textContent.trim() || visibility === "hidden" || parent.closest("script, style, noscript, .told, [hidden]")) continue;
    const of = numbers(parent instanceof SVGElement ? fill : color);
    // What repeats the row above is there for those who are read to, and not to be seen.
    if (of.alpha === 0) continue;
    const [light, dark] = [luminance(of.rgb), luminance(behind(parent))].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) found.push(`${textContent.slice(0, 40)}: ${contrast.toFixed(2)}`);
  }
  return found;
}
// What is wider than the screen.
const overflow = (page) => page.evaluate(() => {
  if (document.documentElement.scrollWidth <= innerWidth) return [];
  const isWide = (node) => node.getBoundingClientRect().right > innerWidth && !node.closest(".told");
  return [...document.querySelectorAll("body *")].filter(isWide).map((node) => `${node.tagName}.${node.getAttribute("class")}`);
});

async function filters() {
  const page = await open();
  await counts(page, runs.length, "nothing is filtered");
  await picture(page, "list-light");
  const failing = runs.filter((run) => run.verdict === "fail");
  assert.ok(failing.length > 0 && failing.length < runs.length);
  assert.equal(await page.locator("h1").textContent(), `${failing.length} of ${runs.length} runs failed`);

  await page.click('[data-verdict="fail"]');
  await counts(page, failing.length, "those that failed");
  assert.equal(await page.getAttribute('[data-verdict="fail"]', "aria-pressed"), "true");
  await page.selectOption("#revision", "0.56");
  await counts(page, failing.filter((run) => run.revision === "0.56").length, "at one revision");
  assert.match(page.url(), /#verdict=fail&revision=0\.56$/);
  await page.goBack();
  await counts(page, failing.length, "one step back");
  assert.equal(await page.inputValue("#revision"), "");
  await page.click("#clear");
  await counts(page, runs.length, "no filter is left");

  const found = (run) => [...list(run.findings), ...list(run.known)];
  await page.selectOption("#rule", "OUT-005");
  await counts(page, runs.filter((run) => found(run).some(({ rule }) => rule === "OUT-005") || list(run.expected).includes("OUT-005")).length, "by a rule");
  await page.click("#clear");
  await page.selectOption("#level", "MUST");
  await counts(page, runs.filter((run) => found(run).some(({ level }) => level === "MUST")).length, "by a level");
  await page.click("#clear");
  const file = value(failing[0].file);
  await page.selectOption("#file", file);
  await counts(page, runs.filter((run) => value(run.file) === file).length, "by a file");
  await page.selectOption("#file", file.slice(0, file.lastIndexOf("/") + 1));
  await counts(page, runs.filter((run) => value(run.file).startsWith(file.slice(0, file.lastIndexOf("/") + 1))).length, "by a directory");
  await page.click("#clear");

  await page.fill("#search", "no REPLY says");
  await counts(page, runs.filter((run) => found(run).some(({ message }) => message.includes("no reply says"))).length, "by a message");
  await page.fill("#search", "nothing is like this");
  await counts(page, 0, "by what is nowhere");
  assert.ok(await page.isVisible("#empty"));
  // A link that was sent has the same filters.
  const other = await open("#verdict=fail&revision=0.56&q=OUT-005");
  await counts(other, failing.filter((run) => run.revision === "0.56" && found(run).some(({ rule }) => rule === "OUT-005")).length, "by an address");
}

async function details() {
  const run = runs.find(({ id }) => id === "a-day-of-failures@0.56");
  const findings = list(run.findings);
  const page = await open();
  await page.click(`#rows a:has-text("a-day-of-failures"):has-text("0.56")`);
  await page.waitForSelector("#run:not([hidden])");
  assert.match(page.url(), /#run=a-day-of-failures@0\.56$/);
  await picture(page, "run-light");
  assert.equal(await page.locator("#run-title").textContent(), value(run.title));
  assert.equal(await page.evaluate(() => document.activeElement.id), "run-title");

  const rows = page.locator("#run .plan tbody tr");
  const actions = list(run.actions);
  assert.equal(await rows.count(), actions.length);
  for (const [at, { address, kind, outcomes }] of actions.entries()) {
    const text = await rows.nth(at).textContent();
    for (const part of [kind, address, ...outcomes.flat()]) assert.ok(text.includes(part), `${part} in ${text}`);
  }
  assert.equal(await page.locator("#run .blamed").count(), new Set([...findings, ...list(run.mismatches)].map(({ action }) => action).filter((action) => action !== undefined)).size);

  assert.equal(await page.locator("#run .finding").count(), findings.length);
  for (const [at, { rule, level, party, message, evidence }] of findings.entries()) {
    const shown = page.locator("#run .finding").nth(at);
    const text = await shown.textContent();
    for (const part of [rule, level, party, message, data.rules[rule].reason, ...list(evidence).map(({ text }) => text)]) assert.ok(text.includes(part), `${part} in ${text}`);
    assert.equal(await shown.locator(".head a").getAttribute("href"), `${data.rules_page}#${rule.toLowerCase()}`);
    await shown.locator("summary").click();
    assert.ok(await shown.locator("dd").first().isVisible(), "the text of the rule");
  }
  for (const [at, { expected, found, line, column }] of list(run.mismatches).entries()) {
    const text = await page.locator("#run .unmet").nth(at).textContent();
    for (const part of [expected, found, `${value(run.file)}:${line}:${column}`]) assert.ok(text.includes(part), `${part} in ${text}`);
  }
  assert.equal(await page.locator("#run .command code").textContent(), run.reproduce);

  const steps = list(value(run.timeline)[0]);
  assert.equal(await page.locator("#run .timeline li").count(), steps.length);
  assert.deepEqual(await page.locator("#run .timeline text").allTextContents(), ["engine", "provider", "hooks"]);
  const struck = steps.filter(({ faults }) => faults?.length > 0);
  assert.ok(struck.length >= 3);
  assert.equal(await page.locator("#run .timeline .bolt").count(), struck.length);
  assert.deepEqual(await page.locator("#run .timeline .fault").allTextContents(), struck.flatMap(({ faults }) => faults.map((fault) => `fault: ${fault}`)));
  await page.locator("#run .timeline").scrollIntoViewIfNeeded();
  await picture(page, "timeline-light");

  await page.click('#run .others a:has-text("head")');
  await page.waitForFunction(() => location.hash === "#run=a-day-of-failures@head");
  await page.goBack();
  await page.goBack();
  await page.waitForSelector("#run", { state: "hidden" });
  assert.equal(await focused(page), run.id, "the way back leads to its row");
}

async function links() {
  const page = await open("#run=hooks-of-a-clean-run@0.80");
  assert.equal(await page.locator("#run .where code").textContent(), "hooks-of-a-clean-run@0.80");
  assert.equal(await page.locator('#rows [aria-current="true"] .revision').textContent(), "0.80");
  const none = await open("#run=there-is-none@0.1&verdict=bogus");
  assert.match(await none.locator("#run").textContent(), /No such run.*there-is-none@0\.1/);
  await counts(none, runs.length, "a verdict that there is not filters nothing");
}

async function keyboard() {
  const page = await open();
  const press = (key) => page.keyboard.press(key);
  await press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "search");
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none");
  await page.keyboard.type("eight actions");
  await counts(page, runs.filter((run) => [run.id, value(run.title)].join().toLowerCase().includes("eight") && [run.id, value(run.title)].join().toLowerCase().includes("actions")).length, "typed");
  await press("Escape");
  await counts(page, runs.length, "Escape empties the search");
  await press("ArrowDown");
  const first = await focused(page);
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none");
  await press("j");
  const second = await focused(page);
  assert.notEqual(second, first);
  await press("ArrowUp");
  assert.equal(await focused(page), first);
  await press("End");
  assert.notEqual(await focused(page), second);
  await press("Home");
  await press("ArrowDown");
  await press("Enter");
  await page.waitForSelector("#run:not([hidden])");
  assert.equal(await page.locator("#run .where code").textContent(), second);
  await press("k");
  await page.waitForFunction((id) => document.querySelector("#run .where code")?.textContent === id, first);
  await press("Escape");
  await page.waitForSelector("#run", { state: "hidden" });
  assert.equal(await focused(page), first);
  // Everything that can be clicked can be reached.
  const reached = new Set();
  await page.evaluate(() => document.activeElement.blur());
  for (let step = 0; step < 40; step++) {
    await press("Tab");
    reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.dataset.verdict || document.activeElement.closest("#rows")?.id));
  }
  for (const id of ["fail", "pass", "search", "revision", "rule", "level", "file", "rows"]) assert.ok(reached.has(id), `${id} is reached by Tab`);
}

async function looks() {
  for (const colorScheme of ["light", "dark"]) {
    const wide = await open("#run=a-day-of-failures@0.56", { colorScheme });
    await wide.locator("#run summary").first().click();
    assert.deepEqual(await wide.evaluate(faint), [], colorScheme);
    await picture(wide, `wide-${colorScheme}`);
    const list = await open("", { colorScheme });
    assert.deepEqual(await list.evaluate(faint), [], colorScheme);
    await picture(list, `list-${colorScheme}`);
    const viewport = { width: 360, height: 740 };
    for (const [name, hash] of [["list", ""], ["run", "#run=a-day-of-failures@0.56"], ["unknown", `#run=${"x".repeat(200)}`]]) {
      const phone = await open(hash, { colorScheme, viewport, hasTouch: true, isMobile: true });
      assert.deepEqual(await overflow(phone), [], `${name} fits into 360 px`);
      assert.deepEqual(await phone.evaluate(faint), [], colorScheme);
      await picture(phone, `phone-${name}-${colorScheme}`);
    }
  }
}

async function silent() {
  const page = await open("", { javaScriptEnabled: false });
  assert.match(await page.locator("noscript").textContent(), new RegExp(`${runs.length} runs: \\d+ failed`));
}

async function hostile() {
  const page = await open();
  const effects = async () => {
    await page.waitForTimeout(100);
    assert.equal(await page.evaluate(() => globalThis.struck), undefined);
    const links = await page.evaluate(() => [...document.querySelectorAll("a")].map((link) => link.getAttribute("href")));
    for (const link of links) assert.ok(link.startsWith("#") || link.startsWith(`${data.rules_page}#`), link);
    assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll("script, img, iframe, object, embed")].map((node) => node.tagName)), ["SCRIPT", "SCRIPT"]);
    const text = await page.evaluate(() => document.body.innerText);
    assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2028\u2029\u2066-\u2069]/);
  };
  assert.match(await page.locator("#banner").textContent(), /interrupted.*5 of .* are missing/);
  await effects();
  for (const run of [runs[0], runs.find(({ verdict }) => verdict === "fail"), runs.at(-1)]) {
    await page.evaluate((run) => { location.hash = new URLSearchParams({ run }).toString(); }, run.id);
    await page.waitForFunction((id) => document.querySelector("#run .where code")?.textContent === id, run.id);
    assert.ok((await page.locator("#run-title").textContent()).includes("</script><script>"), "it is shown as it is");
    await page.evaluate(() => document.querySelectorAll("#run details").forEach((part) => { part.open = true; }));
    await effects();
  }
  await picture(page, "hostile");
  await page.evaluate(() => { location.hash = new URLSearchParams({ q: "<script>alert(1)</script>", run: "<img src=x onerror=alert(1)>" }).toString(); });
  await effects();
  const phone = await open(`#${new URLSearchParams({ run: runs[0].id })}`, { viewport: { width: 360, height: 740 } });
  assert.deepEqual(await overflow(phone), [], "hostile texts fit into 360 px");
  await phone.keyboard.press("Escape");
  assert.deepEqual(await overflow(phone), [], "hostile texts fit into 360 px");
  // The policy itself holds: what is no text of the page's own does not run.
  const refused = await page.evaluate(() => {
    const script = document.createElement("script");
    try { script.append("globalThis.struck = 1"); document.body.append(script); } catch { /* refused at once */ }
    try { document.body.innerHTML = "<p>"; return "markup was taken"; } catch { return globalThis.struck ?? "refused"; }
  });
  assert.equal(refused, "refused");
  assert.ok(troubles.length > 0, "the browser says what it refused");
  assert.ok(troubles.every((trouble) => /^console: error: .*(Content Security Policy|TrustedScript|TrustedHTML|document requires)/s.test(trouble)), troubles.join("\n"));
  troubles.length = 0;
}

async function large() {
  const page = await open();
  await page.waitForSelector("#rows li");
  // Nothing is painted before the rows are there.
  const opened = await page.evaluate(() => new Promise((done) => {
    new PerformanceObserver((seen) => done(seen.getEntriesByName("first-contentful-paint")[0].startTime)).observe({ type: "paint", buffered: true });
  }));
  await counts(page, 10_000, "all are there");
  await picture(page, "large");
  const filtered = async (words) => page.evaluate((words) => new Promise((done) => {
    const begun = performance.now();
    const [count, search] = ["count", "search"].map((id) => document.getElementById(id));
    const before = count.textContent;
    search.value = words;
    search.dispatchEvent(new Event("input"));
    const look = () => (count.textContent === before ? requestAnimationFrame(look) : requestAnimationFrame(() => done(performance.now() - begun)));
    look();
  }), words);
  const first = await filtered("failures-99");
  const next = await filtered("no reply says");
  console.log(`10,000 runs: open in ${opened.toFixed(0)} ms, filtered in ${first.toFixed(0)} ms at first and ${next.toFixed(0)} ms then`);
  await page.click("#clear");
  await counts(page, 10_000, "all are there again");
  assert.ok(await page.locator("#rows li").count() < 200, "only what is to be seen is in the page");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("End");
  const last = await focused(page);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#run:not([hidden])");
  assert.equal(await page.locator("#run .where code").textContent(), last);
  await picture(page, "large-run");
}

async function long() {
  const page = await open(`#${new URLSearchParams({ run: runs[0].id })}`);
  const [rows, findings] = ["#run .plan tbody tr", "#run .finding"].map((these) => page.locator(these));
  assert.deepEqual([await rows.count(), await findings.count()], [100, 100]);
  assert.match(await rows.first().textContent(), /^2500.*OUT-005/, "what is said something of comes first");
  await page.locator("#run .plan + .more").click();
  assert.equal(await rows.count(), 200);
  assert.equal(await rows.nth(1).locator("td").first().textContent(), "0");
}

const checks = { real: [filters, details, links, keyboard, looks, silent], hostile: [hostile], large: [large], long: [long] };
try {
  for (const check of checks[kind]) {
    await check();
    assert.deepEqual(troubles, [], check.name);
  }
} finally {
  await browser.close();
}
