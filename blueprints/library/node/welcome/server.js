// Answers until the cluster is given an application of its own.
const http = require("node:http");
const os = require("node:os");

const server = http.createServer((request, response) => {
  response.setHeader("Content-Type", "text/plain");
  response.end(`Node.js on ${os.hostname()} has no application yet.\n`);
});
server.listen(Number(process.env.PORT || 8080));
