// A process of its own that works on a store. Arguments: the built src/, the store's path, what to do, and a name.
// It says on standard output what was acknowledged, a line each, before it goes on.
import { once } from 'node:events';
import { writeSync } from 'node:fs';

const [built, path, task, label] = process.argv.slice(2);
const { openUserStore } = await import(`${built}/users/store.js`);

const hash = `$2b$04$${'a'.repeat(53)}`;
const say = (line) => writeSync(1, `${line}\n`);
const user = (name) => ({ name, admin: false, hash, permissions: ['api'] });

const tasks = {
  /** One user after another, for ever. */
  async write(store) {
    for (let count = 0; ; count++) {
      say(`${label}-${count} ${await store.create(user(`${label}-${count}`))}`);
    }
  },
  /** Ten at a time. */
  async burst(store) {
    for (let count = 0; ; count += 10) {
      const names = Array.from({ length: 10 }, (_, index) => `${label}-${count + index}`);
      await Promise.all(
        names.map(async (name) => say(`${name} ${await store.create(user(name))}`)),
      );
    }
  },
  /** A thousand in one go, twenty times. */
  async batch(store) {
    const time = new Date(0).toISOString();
    for (let count = 0; count < 20; count++) {
      const replacements = Array.from({ length: 1000 }, (_, index) => ({
        before: undefined,
        after: { ...user(`${label}-${count}-${index}`), created: time, changed: time },
      }));
      await new Promise((resolve) => setTimeout(resolve, 20));
      say(`begin ${count}`);
      say(`${count} ${await store.replaceAll({ users: replacements, subscriptions: [] })}`);
    }
  },
  /** A snapshot for each line that comes. */
  async snapshots(store) {
    say('ready');
    process.stdin.on('data', () => {
      const { summary, users } = store.snapshot();
      say(`${summary.users} ${Array.from(users).length}`);
    });
    await once(process.stdin, 'end');
  },
  /** Until the disk is full; then what is left, and whether it goes on. */
  async fill(store) {
    let count = 0;
    try {
      for (; ; count++) await store.create(user(`${label}-${count}`));
    } catch (error) {
      say(`${error.name}: ${error.message}`);
    }
    // A rejection that nobody handles would end the process by now.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const names = [...store.names()];
    say(names.length === count && store.summary().users === count ? 'none lost' : 'some lost');
    say(await store.delete(names[0]));
  },
  /** How many there are, and whether each can be read. */
  count(store) {
    say([...store.names()].filter((name) => store.find(name)?.hash === hash).length);
  },
  async firstAdmin(store) {
    say('ready');
    await new Promise((resolve) => process.stdin.once('data', resolve));
    say(await store.createFirstAdmin(user(label)));
    process.stdin.destroy();
  },
  /** Answers each line with what it knows of that name, or does what the line says. */
  async serve(store) {
    say('ready');
    for await (const chunk of process.stdin.setEncoding('utf8')) {
      for (const line of chunk.trim().split('\n')) {
        const [what, name] = line.split(' ');
        if (what === 'find') say(store.find(name)?.hash ?? 'nobody');
        else if (what === 'create') say(await store.create(user(name)));
        else if (what === 'delete') say(await store.delete(name));
        else if (what === 'fill') {
          const names = Array.from({ length: Number(name) }, (_, index) => `fill-${index}`);
          await Promise.all(names.map((each) => store.create(user(each))));
          say('filled');
        }
      }
    }
  },
};

const store = openUserStore({ path, minimumCost: 4 });
await tasks[task](store);
await store.close();
