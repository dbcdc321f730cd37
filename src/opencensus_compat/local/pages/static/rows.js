// A list of any length, of which only the rows in sight are on the page.
import { html, useState, useEffect, useLayoutEffect, useRef } from "./core.js";

const AROUND = 12;

/* count: number of rows; height: of each, px; row(index) -> element; chosen: index or -1; label: accessible name;
   onChoose(index), onOpen(index), onScroll(top); role: treegrid where rows have levels;
   fits: as high as its rows, as far as there is room; moveTo: {index} scrolls there once for each new object. */
export function Rows({ count, height, row, chosen, label, className, onChoose, onOpen, onScroll, moveTo, onKey, id, columns = 1, fits, role = "grid" }) {
  const box = useRef(null);
  const [seen, setSeen] = useState({ top: 0, size: 600 });
  useLayoutEffect(() => {
    const measure = () => box.current && setSeen((before) => ({ ...before, size: box.current.clientHeight }));
    measure();
    const watcher = new ResizeObserver(measure);
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  const scrolled = () => {
    const top = box.current.scrollTop;
    setSeen((before) => ({ ...before, top }));
    if (onScroll) onScroll(top);
  };
  const show = (index) => {
    const top = index * height, area = box.current;
    if (top < area.scrollTop) area.scrollTop = top;
    else if (top + height > area.scrollTop + area.clientHeight) area.scrollTop = top + height - area.clientHeight;
  };
  useEffect(() => { if (moveTo && moveTo.index >= 0) show(moveTo.index); }, [moveTo]);
  const move = (index) => {
    if (!count) return;
    const next = Math.max(0, Math.min(count - 1, index));
    show(next);
    onChoose(next);
  };
  const page = Math.max(1, Math.floor(seen.size / height) - 1);
  const pressed = (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const steps = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page };
    if (event.key in steps) move(chosen < 0 ? (steps[event.key] > 0 ? Math.floor(seen.top / height) : count - 1) : chosen + steps[event.key]);
    else if (event.key === "Home") move(0);
    else if (event.key === "End") move(count - 1);
    else if (event.key === "Enter" && chosen >= 0 && onOpen) onOpen(chosen);
    else if (!(onKey && onKey(event))) return;
    event.preventDefault();
  };
  const first = Math.max(0, Math.floor(seen.top / height) - AROUND);
  const last = Math.min(count, Math.ceil((seen.top + seen.size) / height) + AROUND);
  const visible = [];
  for (let index = first; index < last; index++) visible.push(row(index, { top: `${index * height}px` }));
  return html`<div ref=${box} class=${className} id=${id} style=${fits ? { height: `${count * height + 2}px` } : undefined} role=${role} tabindex="0" aria-label=${label} aria-rowcount=${count} aria-colcount=${columns}
      aria-activedescendant=${chosen >= first && chosen < last ? `${id}-${chosen}` : undefined} onScroll=${scrolled} onKeyDown=${pressed}>
    <div role="presentation" style=${{ height: `${count * height}px` }}>${visible}</div>
  </div>`;
}
