// The search box: objects by name, as one types.
import { h } from './dom.js';
import { link } from './parts.js';

const KINDS = {
  policy: ['policy', link.policy], node: ['node', link.node], 'guest-abi': ['guest ABI', link.abi],
  vm: ['VM', name => link.vm(...name.split('/'))],
};

export function search(api) {
  const input = document.getElementById('find');
  const found = document.getElementById('found');
  let chosen = -1;
  let asked = 0;

  const close = () => {
    found.hidden = true;
    chosen = -1;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  };
  const choose = index => {
    const items = found.querySelectorAll('[role=option]');
    if (items.length === 0) return;
    chosen = (index + items.length) % items.length;
    items.forEach((li, i) => li.setAttribute('aria-selected', String(i === chosen)));
    items[chosen].scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', items[chosen].id);
  };
  const go = item => {
    location.hash = item.dataset.href;
    input.value = '';
    close();
  };

  input.addEventListener('input', async () => {
    const text = input.value.trim();
    const mine = ++asked;
    if (!text) return close();
    const { hits } = await api('search?q=' + encodeURIComponent(text));
    if (mine !== asked) return;
    found.replaceChildren(...(hits.length ? hits.map((hit, i) => h('li', {
      role: 'option', id: 'found-' + i, 'aria-selected': 'false', 'data-href': KINDS[hit.kind][1](hit.name),
      on: { pointerdown: e => { e.preventDefault(); go(e.currentTarget); } },
    }, h('span', null, hit.name), h('span', { class: 'small soft' }, KINDS[hit.kind][0]))) : [h('li', { role: 'option', 'aria-disabled': 'true', 'aria-selected': 'false', class: 'soft' }, 'nothing by that name')]));
    found.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    if (hits.length) choose(0);
  });
  input.addEventListener('keydown', event => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      choose(chosen + (event.key === 'ArrowDown' ? 1 : -1));
    } else if (event.key === 'Enter' && chosen >= 0) {
      event.preventDefault();
      go(found.querySelectorAll('[role=option]')[chosen]);
    } else if (event.key === 'Escape') {
      input.value = '';
      close();
    }
  });
  input.addEventListener('blur', close);
  document.addEventListener('keydown', event => {
    if (event.key === '/' && !event.ctrlKey && !event.metaKey && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName)) {
      event.preventDefault();
      input.focus();
    }
  });
}
