// Draws the treemap of a report page. It runs in a browser, inside the page: it may import nothing.
(() => {
  /**
   * @typedef {{ name: string, kind: string, unpacked: number, compressed: number, pulled?: boolean, children?: Part[] }} Part
   * @typedef {{ part: Part, hue: number, children?: Shown[] }} Shown
   * @typedef {import('d3-hierarchy').HierarchyRectangularNode<Shown>} Area
   */
  /** Pixels. Smaller areas cannot be seen or chosen; smaller ones than a label have none. */
  const SMALLEST = 4;
  const LABEL = { width: 44, height: 15 };
  const HEAD = 18;
  const HUES = 8;
  /** Rows of the table. */
  const MOST_ROWS = 200;

  const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  const map = element('map');
  const place = element('map-path');
  /** Shows the part under the pointer or with the focus. Screen readers say the label of a part, and the status when one is opened. */
  const shownPart = element('map-part');
  const status = element('map-status');
  const table = element('map-table');
  /** @type {Part} */
  const image = JSON.parse(element('contents').textContent ?? '{}');
  /** @type {'compressed' | 'unpacked'} */
  let measure = 'compressed';
  /** The open parts: the image, a layer, a package, folders. @type {Part[]} */
  let open = [image];
  /** @type {typeof import('d3-hierarchy')} */
  const d3 = Reflect.get(globalThis, 'd3');

  /** @type {typeof import('../../units.ts').bytes} */
  const bytes = Reflect.get(globalThis, 'bytes');
  const share = (/** @type {Part} */ part) =>
    `${((100 * part[measure]) / Math.max(1, image[measure])).toFixed(1)}% of the image`;
  const describe = (/** @type {Part} */ part) =>
    `${part.name}: ${bytes(part.compressed)} to pull, ${bytes(part.unpacked)} on disk, ${share(part)}`;
  const isOpenable = (/** @type {Part} */ part) => (part.children ?? []).length > 0;

  /** A part with a single part in it shows what is in that one: a layer with one package. @returns {Part[] | undefined} */
  const inside = (/** @type {Part} */ part) => {
    const [first, ...others] = part.children ?? [];
    return others.length === 0 && first?.children !== undefined ? inside(first) : part.children;
  };

  /** Large layers have different colours. The colour of a layer stays the same inside it. */
  const hues = new Map(
    [...(image.children ?? [])]
      .sort((a, b) => b.compressed - a.compressed)
      .map((layer, index) => [layer, index % HUES]),
  );
  const hueOf = (/** @type {Part | undefined} */ layer) => (layer && hues.get(layer)) ?? 0;

  /** The parts of two levels. Deeper ones appear when a part is opened. @returns {Shown} */
  const shown = (/** @type {Part} */ part, /** @type {number} */ hue, /** @type {number} */ levels) => {
    const children = levels === 0 ? undefined : inside(part);
    if (children === undefined) return { part, hue };
    return { part, hue, children: children.map((child) => shown(child, hues.get(child) ?? hue, levels - 1)) };
  };

  /** Opens a part. The focus stays where the part was chosen: on the map, the table or the path. */
  const go = (/** @type {Part[]} */ path, /** @type {HTMLElement} */ from = map) => {
    open = path;
    draw();
    (from.querySelector('button') ?? map.querySelector('button'))?.focus();
    shownPart.textContent = status.textContent = describe(/** @type {Part} */ (open.at(-1)));
  };
  const goBack = () => {
    if (open.length > 1) go(open.slice(0, -1));
  };

  const areas = () => {
    const part = /** @type {Part} */ (open.at(-1));
    const root = d3
      .hierarchy(shown(part, hueOf(open[1]), 2))
      .sum((area) => (area.children === undefined ? area.part[measure] : 0))
      .sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
    return d3
      .treemap()
      .size([map.clientWidth, map.clientHeight])
      .round(true)
      .paddingInner(2)
      .paddingTop((area) => (area.depth === 1 && area.children !== undefined ? HEAD : 0))(
      /** @type {import('d3-hierarchy').HierarchyNode<unknown>} */ (root),
    );
  };

  function draw() {
    const { clientWidth: width, clientHeight: height } = map;
    const all = /** @type {Area[]} */ (areas().descendants().slice(1));
    const visible = all.filter(({ x0, x1, y0, y1 }) => x1 - x0 >= SMALLEST && y1 - y0 >= SMALLEST);
    map.replaceChildren(
      ...visible.map((area, index) => {
        const { data, x0, x1, y0, y1, depth } = area;
        const tile = document.createElement('button');
        tile.type = 'button';
        tile.className = `tile hue-${data.hue} depth-${depth}`;
        if (
          area.ancestors().some((above) => above.data.part.pulled === true) ||
          open.some((above) => above.pulled === true)
        )
          tile.classList.add('pulled');
        // Shares of the map, so that it can be printed in another width.
        tile.style.left = `${(100 * x0) / width}%`;
        tile.style.top = `${(100 * y0) / height}%`;
        tile.style.width = `${(100 * (x1 - x0)) / width}%`;
        tile.style.height = `${(100 * (y1 - y0)) / height}%`;
        tile.tabIndex = index === 0 ? 0 : -1;
        tile.title = describe(data.part);
        tile.setAttribute('aria-label', `${describe(data.part)}${isOpenable(data.part) ? ', can be opened' : ''}`);
        if (x1 - x0 >= LABEL.width && y1 - y0 >= LABEL.height) {
          const label = document.createElement('span');
          label.textContent = `${data.part.name} ${bytes(data.part[measure])}`;
          tile.append(label);
        }
        const path = [
          ...open,
          ...area
            .ancestors()
            .reverse()
            .slice(1)
            .map((above) => above.data.part),
        ];
        tile.addEventListener('click', () => {
          if (isOpenable(data.part)) go(path);
          else shownPart.textContent = describe(data.part);
        });
        tile.addEventListener('pointerenter', () => {
          shownPart.textContent = describe(data.part);
        });
        tile.addEventListener('focus', () => {
          for (const other of map.children) if (other instanceof HTMLElement) other.tabIndex = -1;
          tile.tabIndex = 0;
          shownPart.textContent = describe(data.part);
        });
        return tile;
      }),
    );
    drawPlace();
    drawTable();
  }

  function drawPlace() {
    place.replaceChildren(
      ...open.flatMap((part, index) => {
        const isLast = index === open.length - 1;
        const step = document.createElement(isLast ? 'span' : 'button');
        step.textContent = index === 0 ? 'image' : part.name;
        if (isLast) step.setAttribute('aria-current', 'location');
        else step.addEventListener('click', () => go(open.slice(0, index + 1), place));
        return isLast ? [step] : [step, ' › '];
      }),
    );
  }

  function drawTable() {
    const part = /** @type {Part} */ (open.at(-1));
    const children = [...(inside(part) ?? [])].sort((a, b) => b[measure] - a[measure]);
    const rows = children.slice(0, MOST_ROWS).map((child) => {
      const row = document.createElement('tr');
      const name = document.createElement('th');
      name.scope = 'row';
      if (isOpenable(child)) {
        const button = document.createElement('button');
        button.textContent = child.name;
        button.addEventListener('click', () => go([...open, child], table));
        name.append(button);
      } else name.textContent = child.name;
      row.append(name);
      for (const text of [bytes(child.compressed), bytes(child.unpacked), share(child)]) {
        const cell = document.createElement('td');
        cell.className = 'number';
        cell.textContent = text;
        row.append(cell);
      }
      return row;
    });
    const head = document.createElement('tr');
    for (const text of ['part', 'to pull', 'on disk', 'share']) {
      const cell = document.createElement('th');
      cell.scope = 'col';
      if (text !== 'part') cell.className = 'number';
      cell.textContent = text;
      head.append(cell);
    }
    const drawn = document.createElement('table');
    const rest = children.length - rows.length;
    const caption = document.createElement('caption');
    caption.textContent = rest > 0 ? `The ${rows.length} largest of ${children.length} parts` : `${rows.length} parts`;
    drawn.append(caption, head, ...rows);
    table.replaceChildren(drawn);
  }

  map.addEventListener('keydown', (event) => {
    const tiles = [...map.children].filter((child) => child instanceof HTMLElement);
    const at = tiles.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const last = tiles.length - 1;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowRight: () => tiles[Math.min(last, at + 1)]?.focus(),
      ArrowDown: () => tiles[Math.min(last, at + 1)]?.focus(),
      ArrowLeft: () => tiles[Math.max(0, at - 1)]?.focus(),
      ArrowUp: () => tiles[Math.max(0, at - 1)]?.focus(),
      Home: () => tiles[0]?.focus(),
      End: () => tiles[last]?.focus(),
      Escape: goBack,
      Backspace: goBack,
    };
    const act = keys[event.key];
    // Alt and the left arrow go back in the browser's history.
    if (act === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  });
  for (const input of document.querySelectorAll('input[name="measure"]'))
    input.addEventListener('change', () => {
      if (!(input instanceof HTMLInputElement) || !input.checked) return;
      measure = input.value === 'unpacked' ? 'unpacked' : 'compressed';
      draw();
    });
  let width = map.clientWidth;
  addEventListener('resize', () => {
    if (map.clientWidth === width) return;
    width = map.clientWidth;
    draw();
  });
  // Closed parts are not printed.
  /** @type {HTMLDetailsElement[]} */
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll('details')].filter((part) => !part.open);
    for (const part of opened) part.open = true;
  });
  addEventListener('afterprint', () => {
    for (const part of opened) part.open = false;
  });
  for (const part of document.querySelectorAll('.needs-script')) part.classList.remove('needs-script');
  draw();
})();
