/**
 * Where each of many rows begins when most have the same height and some, that were measured, are higher: a Fenwick tree over the
 * extra heights. Pure.
 */
export class RowOffsets {
  readonly #base: number;
  #extra = new Float64Array(0);
  #tree = new Float64Array(1);
  #count = 0;

  constructor(base: number) {
    this.#base = base;
  }

  get count(): number {
    return this.#count;
  }

  resize(count: number): void {
    if (count > this.#extra.length) {
      const capacity = Math.max(1024, 2 ** Math.ceil(Math.log2(count)));
      const extra = new Float64Array(capacity);
      extra.set(this.#extra);
      this.#extra = extra;
      // Rebuilt as a whole, in linear time, seldom.
      this.#tree = new Float64Array(capacity + 1);
      for (let index = 1; index <= capacity; index += 1) {
        this.#tree[index] = (this.#tree[index] as number) + (extra[index - 1] as number);
        const up = index + (index & -index);
        if (up <= capacity) this.#tree[up] = (this.#tree[up] as number) + (this.#tree[index] as number);
      }
    }
    this.#count = count;
  }

  /** Notes a measured height; returns by how much it changed. */
  set(row: number, height: number): number {
    const delta = height - this.#base - (this.#extra[row] ?? 0);
    if (delta === 0 || row >= this.#count) return 0;
    this.#extra[row] = height - this.#base;
    for (let index = row + 1; index < this.#tree.length; index += index & -index) this.#tree[index] = (this.#tree[index] as number) + delta;
    return delta;
  }

  /** Forgets all measurements. */
  reset(): void {
    this.#extra.fill(0);
    this.#tree.fill(0);
  }

  offset(row: number): number {
    let extra = 0;
    for (let index = Math.min(row, this.#count); index > 0; index -= index & -index) extra += this.#tree[index] as number;
    return row * this.#base + extra;
  }

  get total(): number {
    return this.offset(this.#count);
  }

  /** The row at this offset. */
  at(offset: number): number {
    let low = 0;
    let high = Math.max(0, this.#count - 1);
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.offset(middle) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
