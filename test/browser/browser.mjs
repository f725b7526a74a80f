// Drives Debian's Chromium for browser.py: a line of JSON for each command on standard input, a line for its result on
// standard output. Runs in the network namespace of the host whose browser it is.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const PATIENCE_MS = 10000;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // Tests run as root, where Chromium's own sandbox cannot.
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-gpu"],
});
let context, page;
let errors = [];

// Where the page is once whatever a click began is over.
async function settled(status) {
  await page.waitForLoadState("load");
  const lang = await page.locator("html").getAttribute("lang");
  return { url: page.url(), title: await page.title(), text: await page.locator("body").innerText(), lang, status };
}

// Does what leads to another page, and is there then; redirects are followed.
async function going(act) {
  const there = page.waitForNavigation({ waitUntil: "load" });
  await act();
  await there;
}

const commands = {
  // A browser that knows nothing yet.
  async fresh({ javaScript = true, locale = "en-US", dark = false }) {
    if (context) await context.close();
    context = await browser.newContext({
      javaScriptEnabled: javaScript,
      locale,
      colorScheme: dark ? "dark" : "light",
      ignoreHTTPSErrors: true, // the authority is the gateway's own; trust is tested with curl
      viewport: { width: 390, height: 800 },
    });
    page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") errors.push(message.text());
    });
  },
  async goto({ url }) {
    const response = await page.goto(url);
    return settled(response?.status());
  },
  async look() {
    return settled();
  },
  async waitFor({ text }) {
    await page.getByText(text).first().waitFor();
    return settled();
  },
  async fill({ label, value }) {
    await page.getByLabel(label, { exact: true }).fill(value);
  },
  async press({ button }) {
    const answered = page.waitForResponse((r) => r.request().isNavigationRequest() && r.request().method() === "POST");
    await going(() => page.getByRole("button", { name: button, exact: true }).click());
    return settled((await answered).status());
  },
  async pressIn({ row, button }) {
    await going(() => page.getByRole("row", { name: row }).getByRole("button", { name: button }).click());
    return settled();
  },
  async follow({ link }) {
    await going(() => page.getByRole("link", { name: link, exact: true }).click());
    return settled();
  },
  async texts({ selector }) {
    return page.locator(selector).allInnerTexts();
  },
  async width() {
    const box = await page.locator("main").boundingBox();
    return { page: 390, main: box.x + box.width };
  },
  async color() {
    return page.locator("body").evaluate((body) => getComputedStyle(body).backgroundColor);
  },
  async cookies() {
    return context.cookies();
  },
  async errors() {
    const seen = errors;
    errors = [];
    return seen;
  },
};

process.stdout.write(JSON.stringify({ ready: browser.version() }) + "\n");
for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...words } = JSON.parse(line);
  let answer;
  try {
    answer = { result: (await commands[command](words)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
