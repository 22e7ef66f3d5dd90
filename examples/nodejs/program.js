'use strict';

// Creates znodes, lists and watches them, and continues while servers come and go; in the end it asks every
// server separately whether it has all of them.
//
//   node program.js CONNECTION_STRING [SECONDS] [PATH]
//
// CONNECTION_STRING may also come from the environment variable ZOOKEEPER_CONNECTION_STRING. It names every
// server: `zk-1:2181,zk-2:2181,zk-3:2181`. The program ends with exit code 0 only if every server holds every
// znode whose creation was acknowledged.

const { promisify } = require('node:util');
const { setTimeout: sleep } = require('node:timers/promises');
const zookeeper = require('node-zookeeper-client');

const { CreateMode, Exception, State } = zookeeper;
const SESSION = { sessionTimeout: 10000, spinDelay: 300 };
const PAUSE = 200;
const ATTEMPTS = 60;
const SILENCE = 2000;

const say = (text) => console.log(text);
const moment = () => new Date().toISOString().slice(11, 19);

// After a lost connection it is unknown whether the request was carried out: the caller must accept both
// cases. The client itself connects to the next server in the list.
async function persist(request) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request();
    } catch (error) {
      if (error.getCode?.() !== Exception.CONNECTION_LOSS || attempt === ATTEMPTS) throw error;
      await sleep(PAUSE);
    }
  }
}

// The client waits for ever for a server that accepts its connection and stays silent, as a port mapping does
// whose server is gone. When its socket is closed it continues with the next one.
function insist(client) {
  let since = Date.now();
  setInterval(() => {
    if (client.getState() === State.SYNC_CONNECTED) since = Date.now();
    if (Date.now() - since < SILENCE) return;
    since = Date.now();
    client.connectionManager.socket?.destroy();
  }, PAUSE).unref();
}

async function connect(servers) {
  const client = zookeeper.createClient(servers, SESSION);
  insist(client);
  const connected = new Promise((resolve, reject) => {
    client.once('connected', resolve);
    setTimeout(() => reject(new Error(`no answer from ${servers}`)), 30000).unref();
  });
  client.connect();
  await connected;
  return {
    client,
    create: promisify((path, data, done) => client.create(path, data, CreateMode.PERSISTENT, done)),
    mkdirp: promisify((path, done) => client.mkdirp(path, done)),
    // A server answers a write when it has carried it out itself: what it is asked next is not older.
    catchUp: promisify((path, done) => client.setData(path, Buffer.from('read'), done)),
    children: promisify((path, watcher, done) => client.getChildren(path, watcher, done)),
    value: promisify((path, done) => client.getData(path, done)),
  };
}

// Every change of the children calls the watcher once; it asks again, which sets the next watch.
function watchChildren(session, path, seen) {
  const look = async () => {
    const names = await persist(() => session.children(path, () => { look().catch(() => {}); }));
    seen.looks += 1;
    seen.last = names.length;
  };
  return look();
}

async function create(session, path, value) {
  try {
    await persist(() => session.create(path, Buffer.from(value)));
  } catch (error) {
    // An earlier attempt had been carried out and only its answer was lost.
    if (error.getCode?.() !== Exception.NODE_EXISTS) throw error;
  }
}

async function write(session, path, seconds) {
  const end = Date.now() + seconds * 1000;
  const names = [];
  let longest = 0;
  for (let number = 1; Date.now() < end; number += 1) {
    const name = `n${String(number).padStart(5, '0')}`;
    const begin = Date.now();
    await create(session, `${path}/${name}`, name);
    longest = Math.max(longest, Date.now() - begin);
    names.push(name);
    await sleep(Math.max(PAUSE - (Date.now() - begin), 0));
  }
  return { names, longest };
}

// One server alone, by a connection string that names no other.
async function missingOn(server, path, names) {
  const session = await connect(server);
  try {
    await persist(() => session.catchUp(path));
    const here = new Set(await persist(() => session.children(path, null)));
    const missing = names.filter((name) => !here.has(name));
    const last = names[names.length - 1];
    const value = await persist(() => session.value(`${path}/${last}`));
    if (String(value) !== last) throw new Error(`${server} has ${value} in ${last}`);
    return missing;
  } finally {
    session.client.close();
  }
}

async function main() {
  const [servers = process.env.ZOOKEEPER_CONNECTION_STRING, seconds = '10', path = '/course/nodejs'] =
    process.argv.slice(2);
  if (!servers) throw new Error('usage: node program.js CONNECTION_STRING [SECONDS] [PATH]');
  const session = await connect(servers);
  session.client.on('disconnected', () => say(`${moment()} connection lost, looking for another server`));
  session.client.on('connected', () => say(`${moment()} connected again`));
  session.client.on('expired', () => { throw new Error('the session expired'); });
  say(`${moment()} connected to one of ${servers.split(',').length} servers`);

  const run = `${path}/${Date.now()}`;
  await persist(() => session.mkdirp(run));
  const seen = { looks: 0, last: 0 };
  await watchChildren(session, run, seen);
  const { names, longest } = await write(session, run, Number(seconds));
  await sleep(PAUSE);
  say(`${moment()} created ${names.length} znodes, the slowest took ${longest} ms`);
  say(`${moment()} the watch told of ${seen.last} of them`);
  session.client.removeAllListeners('disconnected');
  session.client.close();

  let complete = names.length > 0 && seen.last === names.length;
  for (const server of servers.split(',')) {
    const missing = await missingOn(server, run, names);
    say(`${moment()} ${server} has ${names.length - missing.length} of ${names.length}`);
    complete = complete && missing.length === 0;
  }
  if (!complete) throw new Error('not every server has everything');
  say('every server has the same data');
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`error: ${error.message}`);
    process.exit(1);
  },
);
