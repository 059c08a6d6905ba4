/** What was looked at, and what came of it: a line of `kapgate check`. */
export interface Finding {
  readonly part: string;
  readonly result: 'ok' | 'warning' | 'fault';
  readonly detail: string;
}
