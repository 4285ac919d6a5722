// Tells which member answers, after as many milliseconds as asked for; sends back what a WebSocket brings. The same
// over HTTP/2 without TLS on the next port.
const crypto = require("node:crypto");
const http = require("node:http");
const http2 = require("node:http2");
const os = require("node:os");

function answer(request, response) {
  const url = new URL(request.url, "http://here");
  const say = () => {
    response.setHeader("X-Member", os.hostname());
    response.setHeader("X-Path", url.pathname);
    response.setHeader("X-Protocol", request.httpVersion);
    response.end("ok\n");
  };
  const wait = Number(url.searchParams.get("ms"));
  if (wait > 0) setTimeout(say, Math.min(wait, 10000));
  else say();
}

const sockets = new Set();

// One short frame at a time (RFC 6455, 5.2): text, masked by the client, comes back as it is.
function echo(request, socket) {
  const key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const accepted = crypto.createHash("sha1").update(key).digest("base64");
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `X-Member: ${os.hostname()}\r\nSec-WebSocket-Accept: ${accepted}\r\n\r\n`,
  );
  sockets.add(socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy()));
  socket.on("data", (frame) => {
    if ((frame[0] & 0x0f) !== 1) return socket.end();
    const mask = frame.subarray(2, 6);
    const text = frame.subarray(6).map((byte, at) => byte ^ mask[at % 4]);
    socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
  });
}

const port = Number(process.env.PORT || 8080);
const server = http.createServer(answer).on("upgrade", echo).listen(port);
server.keepAliveTimeout = 65000;
const second = http2.createServer(answer).listen(port + 1);
// Who is told to end says good-bye to its WebSockets a while later: they are open for as long as their clients want.
process.on("SIGTERM", () => {
  second.close();
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => sockets.forEach((each) => each.end()), 25000);
});
