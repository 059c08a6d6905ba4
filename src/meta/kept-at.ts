/** For whoever wants to change users: where they are kept. `nodes` by scheme, host and port, one at least. */
export function keptAt(nodes: readonly string[]): string {
  const node = nodes.length === 1 ? 'node' : 'nodes';
  return `users are kept by the InfluxDB Enterprise meta ${node} at ${nodes.join(', ')}: change them there`;
}
