// A browser for the tests: one order a line on stdin, a JSON object with "do"; one answer a line on stdout, with "value" or with "error".
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--no-proxy-server'],
});
let page, faults;

const orders = {
  /** A fresh page, as somebody sees it who has never been there. */
  async open({ url, scheme, width, height }) {
    await page?.context().close();
    faults = [];
    // Only for what axe needs: it is put into the page in a way that no page's policy stops, and works on text.
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: 'reduce' });
    page = await context.newPage();
    page.on('console', message => ['error', 'warning'].includes(message.type()) && faults.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', error => faults.push(`thrown: ${error.message}`));
    page.on('request', request => new URL(request.url()).origin !== new URL(url).origin && request.url() !== 'data:,'
      && !request.url().startsWith('data:image/svg+xml') && faults.push(`request: ${request.url()}`));
    page.on('dialog', dialog => {
      faults.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    await page.addInitScript(() => addEventListener('securitypolicyviolation',
      event => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`)));
    const response = await page.goto(url);
    return { status: response.status(), headers: response.headers() };
  },

  /** What the page says. */
  read: () => page.evaluate(() => {
    const text = id => document.getElementById(id).textContent;
    const visible = element => element.checkVisibility();
    const rows = [...document.querySelectorAll('#pods > tr')].filter(visible);
    return {
      title: document.title,
      live: text('live'),
      tone: document.getElementById('verdict').dataset.tone,
      headline: text('headline'),
      because: text('because'),
      todo: [...document.querySelectorAll('#todo > li')].map(item => item.textContent),
      tiles: Object.fromEntries([...document.querySelectorAll('#tiles > div')].map(tile => [
        tile.children[0].textContent, `${tile.children[1].textContent}; ${tile.children[2].textContent}`])),
      flow: [...document.querySelectorAll('#flow text')].map(part => part.textContent),
      ledger: [...document.querySelectorAll('#ledger > tr')].map(row => [...row.children].map(cell => cell.textContent)),
      changes: [...document.querySelectorAll('#changes > li')].map(item => item.textContent),
      sorted: [...document.querySelectorAll('#heads > [aria-sort]')].map(head => `${head.textContent} ${head.ariaSort}`).join(),
      shown: text('shown'),
      rows: rows.map(row => [...row.children].map(cell => cell.textContent)),
      sparks: rows.filter(row => row.querySelector('.line').getAttribute('d')).length,
      elements: rows.length ? rows[0].querySelectorAll('img, script, b').length : 0,
      focus: document.activeElement?.textContent.trim() || document.activeElement?.id,
      overflows: document.scrollingElement.scrollWidth > innerWidth,
    };
  }),

  /** Keys by name, or text to type. */
  async press({ keys }) {
    for (const key of keys) await (key.length > 1 && !/^[A-Z][A-Za-z0-9+]*$/.test(key) ? page.keyboard.type(key) : page.keyboard.press(key));
  },

  /** Tab until the element that has the focus has this text or id. */
  async tabTo({ what }) {
    for (let i = 0; i < 100; i++) {
      await page.keyboard.press('Tab');
      const [text, outline] = await page.evaluate(() => {
        const focused = document.activeElement;
        return [focused.id || focused.textContent.trim(), getComputedStyle(focused).outlineStyle];
      });
      if (text === what) return outline;
    }

    throw new Error(`the tab key does not come to ${what}`);
  },

  /** Violations of axe's rules, those of WCAG 2.2 AA and its best practices. */
  async axe() {
    await page.evaluate(await (await import('node:fs/promises')).readFile(axe, 'utf8'));
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    return violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.target}: ${node.failureSummary}`));
  },

  faults: () => faults,

  /** Milliseconds of script, style and layout that the page took in a second, on average. */
  async cost({ seconds }) {
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    const busy = async () => (await session.send('Performance.getMetrics')).metrics.find(metric => metric.name === 'TaskDuration').value;
    const before = await busy();
    await page.waitForTimeout(seconds * 1000);
    return 1000 * (await busy() - before) / seconds;
  },

  async shot({ path }) {
    await page.evaluate(() => document.activeElement?.blur());
    await page.screenshot({ path });
  },
};

process.stdout.write('{"value":"ready"}\n');
for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const order = JSON.parse(line);
    answer = { value: await orders[order.do](order) ?? null };
  } catch (error) {
    answer = { error: error.stack };
  }

  process.stdout.write(JSON.stringify(answer) + '\n');
}

await browser.close();
