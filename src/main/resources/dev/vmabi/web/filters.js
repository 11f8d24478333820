// The questions above a list; what is asked is in the address, so that it can be shared.
import { h } from './dom.js';

export const some = page => page.total > page.items.length ? `; the first ${page.items.length} are shown` : '';

export function filters(route, selects, text) {
  const base = location.hash.replace(/\?.*/, '');
  const ask = (name, value) => {
    const query = new URLSearchParams(route.query);
    if (value) query.set(name, value); else query.delete(name);
    location.replace(`${base}?${query}`);
  };
  const asked = new URLSearchParams(route.query);
  const others = ['class', 'profile', 'node', 'abi'].filter(n => asked.has(n));
  return h('form', { class: 'filters', on: { submit: e => e.preventDefault() } },
    h('label', null, text, h('input', { type: 'search', id: 'contains', value: asked.get('q') ?? '', on: { input: e => ask('q', e.target.value.trim()) } })),
    Object.entries(selects).map(([name, [label, options]]) => h('label', null, label,
      select(name, [['', 'all'], ...options], asked.get(name) ?? '', v => ask(name, v)))),
    others.map(n => h('button', { type: 'button', on: { click: () => ask(n, '') } }, `${n} ${asked.get(n)} \u00d7`)));
}

function select(name, options, chosen, ask) {
  const element = h('select', { id: 'by-' + name, on: { change: e => ask(e.target.value) } },
    options.map(([v, t]) => h('option', { value: v }, t)));
  element.value = chosen;
  return element;
}
