// Loaded with --require: writes what this process used when it ends (microseconds, KiB).
const { writeFileSync } = require('node:fs');
process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  writeFileSync(
    process.env.BENCH_USAGE,
    JSON.stringify({ cpuUs: userCPUTime + systemCPUTime, maxRssKib: maxRSS }),
  );
});
