// Tells which member answers, after as many milliseconds as asked for.
const http = require("node:http");
const os = require("node:os");

const server = http.createServer((request, response) => {
  const url = new URL(request.url, "http://here");
  const answer = () => {
    response.setHeader("X-Member", os.hostname());
    response.setHeader("X-Path", url.pathname);
    response.end("ok\n");
  };
  const wait = Number(url.searchParams.get("ms"));
  if (wait > 0) setTimeout(answer, Math.min(wait, 10000));
  else answer();
});
server.keepAliveTimeout = 65000;
server.listen(process.env.PORT || 8080);
process.on("SIGTERM", () => server.close(() => process.exit(0)));
