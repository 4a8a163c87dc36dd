// Reads its configuration when it starts, as most apps do, and ends in order when it is told to.
"use strict";
const configuration = JSON.parse(require("fs").readFileSync(process.argv[2], "utf8"));
const server = require("http").createServer((request, response) => response.end(configuration.greeting));
server.listen(18084, "127.0.0.1");
process.on("SIGTERM", () => server.close(() => process.exit(0)));
