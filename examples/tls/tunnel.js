// Lets a client that knows no TLS, such as node-zookeeper-client, use an ensemble that requires it. Needs Node.js alone.
//
//   const { connectionString } = await require('./tunnel').open({ servers, ca, cert, key });
//   const client = require('node-zookeeper-client').createClient(connectionString);
//
// It listens on the loopback address, on one port for each server, so that the client still chooses among all of them. In a
// pod of its own program, or of a sidecar, nothing leaves the pod without TLS.
'use strict';
const fs = require('node:fs');
const net = require('node:net');
const tls = require('node:tls');

// servers: `tlsConnectionString` of the ConfigMap NAME-connection; ca, cert and key: in PEM.
async function open({ servers, ca, cert, key }) {
  const listeners = servers.split(',').map((server) => {
    const [host, port] = server.split(':');
    return net.createServer((plain) => {
      const secure = tls.connect({ host, port: Number(port), servername: net.isIP(host) ? '' : host, ca, cert, key });
      const end = () => { plain.destroy(); secure.destroy(); };
      for (const side of [plain, secure]) side.on('error', end).on('close', end);
      plain.pipe(secure).pipe(plain);
    });
  });
  await Promise.all(listeners.map((one) => new Promise((done, failed) => {
    one.once('error', failed).listen(0, '127.0.0.1', done);
  })));
  return {
    connectionString: listeners.map((one) => `127.0.0.1:${one.address().port}`).join(','),
    close: () => listeners.forEach((one) => one.close()),
  };
}

module.exports = { open };

// As a program: prints the connection string, and serves until it is ended.
if (require.main === module) {
  const read = (name) => (process.env[name] ? fs.readFileSync(process.env[name]) : undefined);
  open({ servers: process.env.ZOOKEEPER, ca: read('CA'), cert: read('CERT'), key: read('KEY') })
    .then(({ connectionString }) => console.log(connectionString));
}
