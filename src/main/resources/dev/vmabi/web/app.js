// The address says what is shown; the operator says when it has changed.
import { h, morphChildren } from './dom.js';
import { search } from './search.js';
import * as overview from './overview.js';
import * as policy from './policy.js';
import * as nodes from './nodes.js';
import * as vms from './vms.js';
import * as abi from './abi.js';
import * as decisions from './decisions.js';

const VIEWS = { '': overview, policy, nodes, node: nodes, vms, vm: vms, 'guest-abi': abi, decisions };
const NAVIGATION = { '': '#/', policy: '#/', nodes: '#/nodes', node: '#/nodes', vms: '#/vms', vm: '#/vms', decisions: '#/decisions' };

const main = document.getElementById('main');
const live = document.getElementById('live');
const news = document.getElementById('news');
let shown = null;
let loading = false;
let again = false;

function parse() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [view, name, ...rest] = path.split('/').map(decodeURIComponent);
  return { view: view in VIEWS ? view : '', name: name ?? '', rest, query: query ?? '' };
}

class Missing extends Error {}

async function api(path) {
  const answer = await fetch('api/' + path, { headers: { Accept: 'application/json' } });
  if (answer.status === 404) throw new Missing();
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

/** Fetches what is shown and brings the page up to date; one at a time, and once more if asked meanwhile. */
async function refresh() {
  if (loading) {
    again = true;
    return;
  }
  loading = true;
  try {
    do {
      again = false;
      const hash = location.hash;
      const route = parse();
      const data = await VIEWS[route.view].load(api, route).catch(e => e);
      if (hash === location.hash) show(route, hash, data);
      else again = true;
    } while (again);
  } finally {
    loading = false;
  }
}

function show(route, hash, data) {
  const moved = shown === null || shown.hash.replace(/\?.*/, '') !== hash.replace(/\?.*/, '');
  if (data instanceof Error && !(data instanceof Missing)) {
    offline(data.message);
    if (!moved) return;
  }
  shown = { route, hash, data };
  draw();
  document.title = [VIEWS[route.view].title(route), 'vmabi'].join(' \u00b7 ');
  document.querySelectorAll('.top nav a').forEach(a => {
    if (a.getAttribute('href') === NAVIGATION[route.view]) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  });
  if (moved) {
    scrollTo(0, 0);
    if (document.activeElement === document.body || document.activeElement === main || !main.dataset.first) main.focus({ preventScroll: true });
    main.dataset.first = 'no';
    document.querySelector('tr.here')?.scrollIntoView({ block: 'center' });
    if (route.view === 'policy' && route.rest[0] && route.rest[0] !== 'class') document.getElementById(route.rest[0])?.scrollIntoView();
  }
  tell(route, data);
}

function draw() {
  const { route, data } = shown;
  const fresh = h('main');
  if (data instanceof Missing) fresh.append(h('p', { class: 'lone' }, 'There is no such object now.'));
  else if (data instanceof Error) fresh.append(h('p', { class: 'lone' }, 'The operator cannot show this now: ' + data.message));
  else fresh.append(...VIEWS[route.view].render(data, route).flat(Infinity).filter(Boolean));
  morphChildren(main, fresh);
}

/** A raise is told to those who do not see the page change. */
const generations = new Map();
function tell(route, data) {
  const lines = route.view === '' ? data.policies ?? [] : route.view === 'policy' && data.status ? [{ name: data.name, baseline: data.status.baseline }] : [];
  for (const { name, baseline } of lines) {
    const before = generations.get(name);
    if (baseline && before && baseline.generation !== before) {
      news.textContent = `${name}: generation ${baseline.generation} is pinned.`;
    }
    if (baseline) generations.set(name, baseline.generation);
  }
}

function online() {
  live.dataset.state = 'on';
  live.textContent = 'live';
}

function offline(why) {
  live.dataset.state = 'off';
  live.textContent = why;
}

search(api);
addEventListener('hashchange', refresh);
// Relative times go on; nothing is fetched for it.
setInterval(() => shown && !loading && draw(), 30_000);

const events = new EventSource('api/live');
events.onopen = online;
events.onmessage = () => {
  online();
  refresh();
};
events.onerror = () => offline('not connected');
refresh();
