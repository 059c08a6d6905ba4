/** Whose turn it is to be hashed for. */
export interface Turn {
  /** Who takes turns with whom: the host that asks. */
  readonly source: string;
  /** Not a guess: it goes before all that may be one. */
  readonly isTrusted: boolean;
  /** Whether nobody waits for it any more. */
  haveGone(): boolean;
  /** Whether that is likely: they can still be answered, but have ended their side. */
  haveEnded(): boolean;
}

/** A bounded queue in which each source has its turn, however many of another wait. */
export interface FairQueue<Entry extends Turn> {
  /** In a full queue somebody is refused: those who have gone, else the last of the source that has most, else this one. */
  add(entry: Entry): void;
  /** Whose turn it is; those who have gone are refused, and in a crowd those who have likely gone. */
  next(): Entry | undefined;
  readonly size: number;
}

interface FairQueueOptions<Entry> {
  readonly maxWaiting: number;
  readonly onRefused: (entry: Entry) => void;
}

/** So much of it is taken: then who has likely gone costs those who are there too much. */
const CROWD = 1 / 8;

export function createFairQueue<Entry extends Turn>(
  options: FairQueueOptions<Entry>,
): FairQueue<Entry> {
  return new SourcesInTurn(options);
}

class SourcesInTurn<Entry extends Turn> implements FairQueue<Entry> {
  readonly #options: FairQueueOptions<Entry>;
  #trusted: Entry[] = [];
  /** The source whose turn it is comes first; none is empty. */
  readonly #others = new Map<string, Entry[]>();
  #size = 0;

  constructor(options: FairQueueOptions<Entry>) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  add(entry: Entry): void {
    const { maxWaiting, onRefused } = this.#options;
    if (this.#size >= maxWaiting) this.#dropGone();
    if (this.#size >= maxWaiting) {
      const refused = this.#takeFor(entry);
      onRefused(refused ?? entry);
      if (refused === undefined) return;
    }
    this.#size++;
    if (entry.isTrusted) this.#trusted.push(entry);
    else this.#put(entry.source, [...(this.#others.get(entry.source) ?? []), entry]);
  }

  next(): Entry | undefined {
    for (;;) {
      const entry = this.#trusted.shift() ?? this.#nextOther();
      if (entry === undefined) return undefined;
      const isWanted = this.#isWanted(entry);
      this.#size--;
      if (isWanted) return entry;
      this.#options.onRefused(entry);
    }
  }

  #nextOther(): Entry | undefined {
    const [turn] = this.#others;
    if (turn === undefined) return undefined;
    const [source, [entry, ...rest]] = turn;
    this.#others.delete(source);
    this.#put(source, rest);
    return entry;
  }

  /** The last of the source that has most, unless the newcomer's would have as many with it. */
  #takeFor(newcomer: Entry): Entry | undefined {
    const own = newcomer.isTrusted ? 0 : (this.#others.get(newcomer.source)?.length ?? 0) + 1;
    let longest: Entry[] = [];
    for (const entries of this.#others.values()) {
      if (entries.length > longest.length) longest = entries;
    }
    const last = longest.at(-1);
    if (last === undefined || longest.length <= own) return undefined;
    this.#put(last.source, longest.slice(0, -1));
    this.#size--;
    return last;
  }

  #dropGone(): void {
    const isHere = (entry: Entry): boolean => {
      if (this.#isWanted(entry)) return true;
      this.#size--;
      this.#options.onRefused(entry);
      return false;
    };
    this.#trusted = this.#trusted.filter(isHere);
    for (const [source, entries] of this.#others) this.#put(source, entries.filter(isHere));
  }

  #isWanted(entry: Entry): boolean {
    const isCrowded = this.#size >= this.#options.maxWaiting * CROWD;
    return isCrowded ? !entry.haveEnded() : !entry.haveGone();
  }

  #put(source: string, entries: Entry[]): void {
    if (entries.length === 0) this.#others.delete(source);
    else this.#others.set(source, entries);
  }
}
