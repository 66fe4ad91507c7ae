// What a user of the npm package healthchecks.io 2.2.0 writes. Argument: the ping URL.
const { healthcheck } = require("healthchecks.io");

const check = healthcheck(process.argv[2], 15);
check.on("error", (error) => {
  throw error;
});
check.stop();
check.start(); // pings at once, as the first call did
check.stop(); // else it would ping every 15 minutes for ever
