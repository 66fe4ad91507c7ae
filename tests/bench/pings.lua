-- Pings the paths of a file in random order, and ends with one line of JSON.

local requests = {}

function init(args)
   math.randomseed(os.time())
   for path in io.lines(args[1]) do
      requests[#requests + 1] = "GET " .. path .. " HTTP/1.1\r\nHost: bench\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"
   end
end

function request()
   return requests[math.random(#requests)]
end

function done(summary, latency)
   local errors = summary.errors
   local refused = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   print(string.format('{"per_second": %.1f, "p50": %.3f, "p99": %.3f, "refused": %d}',
      summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, refused))
end
