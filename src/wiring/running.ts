/** Counts what is under way. */
export interface Running {
  begin(): void;
  end(): void;
  /** Resolves once nothing is under way any more. */
  allEnded(): Promise<void>;
}

export function createRunning(): Running {
  const waiting = new Set<() => void>();
  let count = 0;
  return {
    begin: () => {
      count++;
    },
    end: () => {
      count--;
      if (count === 0) for (const resolve of waiting) resolve();
    },
    allEnded: () =>
      count === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting.add(resolve);
          }),
  };
}
