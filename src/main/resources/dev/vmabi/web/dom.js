// Elements made in place, and the page brought up to date without losing focus, scrolling or what is open.

const SVG = 'http://www.w3.org/2000/svg';

function make(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') element.handlers = value;
    else if (name === 'style') Object.entries(value).forEach(([k, v]) => element.style.setProperty(k, v));
    else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  if (element.handlers) {
    for (const type of Object.keys(element.handlers)) {
      element.addEventListener(type, event => element.handlers[type](event));
    }
  }
  element.append(...children.flat(Infinity).filter(c => c !== null && c !== undefined && c !== false));
  return element;
}

/** h('p', {class: 'x'}, 'text', child, [children]); what is null or false is left out. */
export const h = (tag, props, ...children) => make(document.createElement(tag), props, children);

export const svg = (tag, props, ...children) => make(document.createElementNS(SVG, tag), props, children);

const key = node => node.nodeType === 1 ? node.id || node.getAttribute('data-key') || '' : '';

const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && key(a) === key(b);

/** Makes the children of one element those of another, changing as little as can be. */
export function morphChildren(from, to) {
  const keyed = new Map();
  for (const child of from.childNodes) if (key(child)) keyed.set(key(child), child);
  const wanted = new Set([...to.childNodes].map(key).filter(Boolean));
  let at = from.firstChild;
  for (const next of [...to.childNodes]) {
    const known = key(next) ? keyed.get(key(next)) : at && !key(at) ? at : null;
    if (!known || !alike(known, next)) {
      from.insertBefore(next, at);
      continue;
    }
    // What is in between goes, rather than that this is moved: moving takes the focus away.
    while (at && at !== known && !wanted.has(key(at))) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
    if (at === known) at = at.nextSibling;
    else from.insertBefore(known, at);
    morph(known, next);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

function morph(from, to) {
  if (from.nodeType !== 1) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  from.handlers = to.handlers;
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && name !== 'open' && name !== 'style') from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (name === 'style' || from.getAttribute(name) === value) continue;
    from.setAttribute(name, value);
  }
  if (from.style.cssText !== to.style.cssText) from.style.cssText = to.style.cssText;
  morphChildren(from, to);
  if (from.localName === 'select' || (from.localName === 'input' && from !== document.activeElement)) {
    if (from.value !== to.value) from.value = to.value;
  }
}
