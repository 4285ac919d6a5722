// Loaded before the application: on SIGTERM it finishes what it is answering and ends, unless the
// application has a handler of its own. Node alone would drop its requests, or, as a container's first
// process, not even hear the signal.
"use strict";
const { channel } = require("node:diagnostics_channel");

const servers = new Set();
let leaving = false;

channel("http.server.request.start").subscribe(({ response, server }) => {
  servers.add(server);
  if (leaving) response.setHeader("Connection", "close");
});

function leave() {
  if (process.listenerCount("SIGTERM") > 1) return;
  leaving = true;
  let open = servers.size;
  if (open === 0) process.exit(0);
  for (const server of servers) {
    server.close(() => {
      open -= 1;
      if (open === 0) process.exit(0);
    });
    server.closeIdleConnections();
  }
}
process.on("SIGTERM", leave);
